"""A test class on a node of its own, where the package is installed as an operator would."""

import contextlib
import os
import shutil

import node
from case import PROGRAMS, SCRATCH, SHELL, DaemonCase
from lab import image
from lab.api import Api
from lab.daemons import Containerd
from lab.engines import Dockerd
from lab.place import Place
from lab.process import Trouble, wait_until
from node import SHARE, Node
from packages import PACKAGE, built
from stories import INSIDE, PROGRAM, Stories, living

CACHE = os.environ.get("MAYFLY_CACHE", "")
SERVICE = "mayflyd.service"
SOCKET = "/run/mayfly/mayfly.sock"
POOLS = "/etc/mayfly/pools.d"
FOR_EVER = living(3_600_000)
STEADY = 3


class Daemon:
    """The daemon of a node, by the names that tests of a daemon use."""

    process = None  # systemd's

    def __init__(self, home):
        self.node = home
        self.api = Api(home.root + SOCKET)

    def mayfly(self, *args, **options):
        return self.node.run("mayfly", *args, **options)

    def apply(self, text):
        return self.mayfly("apply", "-f", "-", input=text)

    def status(self):
        return self.api.get("/v1/status")

    def pool(self, name):
        return self.api.get("/v1/pools/" + name)

    def delete(self, pool):
        self.mayfly("delete", pool, "--wait", seconds=120)

    def pid(self):
        return int(self.node.show(SERVICE, "MainPID"))

    def is_up(self):
        with contextlib.suppress(Trouble):
            return self.status()["runtime"]["state"] == "up"
        return False

    def wait_up(self):
        try:
            wait_until(self.is_up, "mayflyd to be up", 120)
        except Trouble as trouble:
            raise Trouble(f"{trouble}\n{self.node.journal(SERVICE)}") from None


class NodeStories(Stories):
    """Seen from the node under another path."""

    def mount(self):
        return {"source": SHARE + "/lives", "target": INSIDE}


class NodeCase(DaemonCase):
    """Boots nodes by new_node. The package is not installed there yet; images wait in the share."""

    @classmethod
    def setUpClass(cls):
        place = Place("node")
        cls.addClassCleanup(cls._prove_empty, place)
        cls.place = cls.enterClassContext(place)
        place.undo.callback(place.unmount_all)
        cls.dockerd = Dockerd(place, Containerd(place))
        node.import_image(place, cls.dockerd, CACHE)

    @classmethod
    def new_node(cls):
        cls.node = Node(cls.place, cls.dockerd, "node" + os.urandom(2).hex())
        cls.stories = NodeStories(Corner(cls.node.share))
        cls.connect()
        shutil.copy(built(), os.path.join(cls.node.share, PACKAGE))
        image.busybox(os.path.join(cls.node.share, "shell.tar"), SHELL)
        image.one_program(os.path.join(cls.node.share, "scratch.tar"), SCRATCH,
                          os.path.join(PROGRAMS, PROGRAM))

    @classmethod
    def connect(cls):
        """Once for each time that the node has booted."""
        cls.daemon = cls.mayflyd = Daemon(cls.node)
        cls.place.undo.callback(cls.daemon.api.close)

    @classmethod
    def tearDownClass(cls):
        pass

    def tearDown(self):
        self.assertEqual(self.stories.doubles(), [], "two lives in one slot")
        self.assertEqual(self.stories.begun_twice(), [], "a worker that was started twice")

    # ---- doing --------------------------------------------------------------------------------

    @classmethod
    def install(cls, package=PACKAGE):
        cls.node.apt("update")
        return cls.node.apt("install", "--allow-downgrades", f"{SHARE}/{package}")

    @classmethod
    def systemctl(cls, *words):
        """Of the service, which tells why it does not start."""
        answer = cls.node.attempt("systemctl", *words, SERVICE, seconds=120)
        if answer.returncode != 0:
            raise Trouble(f"systemctl {' '.join(words)}: {answer.stderr}\n{cls.node.journal(SERVICE)}")

    @classmethod
    def start(cls):
        cls.systemctl("enable", "--now")
        cls.daemon.wait_up()
        cls.import_images()

    @classmethod
    def import_images(cls):
        for archive in ("shell.tar", "scratch.tar"):
            cls.daemon.mayfly("image", "import", f"{SHARE}/{archive}")

    # ---- looking ------------------------------------------------------------------------------

    def pids(self, pool):
        """Worker → the process id of its container in the node, from the runtime itself."""
        found = {}
        for line in self.node.run("ctr", "-n", "mayfly", "tasks", "ls").splitlines()[1:]:
            name, pid, state = line.split()
            worker = name.split("-", 2)[2]
            if state == "RUNNING" and worker.rsplit("-", 2)[0] == pool:
                found[worker] = int(pid)
        return found


class InstalledCase(NodeCase):
    """One node for the class, with the service at work."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.new_node()
        cls.install()
        cls.start()


class Corner:
    """A folder in which Stories may make theirs."""

    def __init__(self, folder):
        self.folder = folder

    def make_folder(self, name, mode):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        os.chmod(path, mode)
        return path
