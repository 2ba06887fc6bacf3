"""What bash, zsh and fish offer after `mayfly …`, each asked as it asks at a keyboard."""
import http.server
import json
import os
import re
import shlex
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import unittest
import unittest.mock

import command_line

COMPLETIONS = os.path.join(command_line.ROOT, "packaging", "completions")
PATIENCE = 120
NAMES = {"/v1/pools": {"pools": [{"name": "encode"}, {"name": "entry"}, {"name": "$(reboot)"}, {"name": "a b"}]},
         "/v1/workers": {"workers": [{"name": "encode-1-7", "pool": "encode"}]},
         "/v1/images": {"images": [{"name": "registry.example:5000/encode:1.8"}]}}

# Each prints what is offered after the line in $1, one a line.
BASH = r"""
source /usr/share/bash-completion/bash_completion
source "$script"
eval "COMP_WORDS=($1)"  # as readline splits it
COMP_LINE=$2 COMP_POINT=${#2} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9
_mayfly mayfly "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""
# What the script hands to zsh's own functions, which need a line that is being edited.
ZSH = r"""
compdef() { :; }
source "$script"
_describe() { local name=$@[-1]; print -rl -- "${(@P)name}"; }
_files() { print -rl -- FILES "$@"; }
compset() { :; }
words=("$@")
CURRENT=$#words PREFIX=$words[-1]
_mayfly
"""
FISH = r"""
source "$script"
complete --do-complete "$argv[1]"
"""


class Daemon(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = json.dumps(NAMES.get(self.path, {})).encode()
        self.send_response(200 if self.path in NAMES else 404)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def address_string(self):
        return "a unix socket"

    def log_message(self, *arguments):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Shells(unittest.TestCase):
    """Each test asks all three: what is offered is the same, the way there is not."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.socket = os.path.join(cls.folder, "mayfly.sock")
        server = Server(cls.socket, Daemon)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(server.shutdown)
        cls.verbs = command_line.verbs("mayfly")
        for name in ("pool.toml", "folder/inner.toml"):
            os.makedirs(os.path.dirname(os.path.join(cls.folder, name)), exist_ok=True)
            with open(os.path.join(cls.folder, name), "w", encoding="utf-8"):
                pass
        with open(os.path.join(cls.folder, "folder", "contexts"), "w", encoding="utf-8") as file:
            for cluster in ("lab", "main"):
                file.write(f'[{cluster}]\nendpoints = ["http://127.0.0.1:1"]\n')

    def run_shell(self, command, script):
        environment = {**os.environ, "PATH": f"{command_line.BIN}:{os.environ['PATH']}", "HOME": self.folder,
                       "MAYFLY_SOCKET": self.socket, "script": os.path.join(COMPLETIONS, script)}
        run = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True,
                             timeout=PATIENCE)
        self.assertEqual(run.stderr, "")
        return run.stdout.splitlines()

    def bash(self, line):
        """readline splits at = and :, and replaces only what follows."""
        words = re.findall(r"[:=]|[^\s:=]+", line) + ([""] if line[-1] in " :=" else [])
        quoted = " ".join(shlex.quote(word) for word in words)
        offered = self.run_shell(["bash", "--norc", "-c", BASH, "bash", quoted, line], "mayfly.bash")
        begun = re.search(r"\S*$", line)[0]
        kept = begun[:max(begun.rfind(":"), begun.rfind("=")) + 1]
        return {kept + each.rstrip() for each in offered if each}

    def zsh(self, line):
        offered = self.run_shell(["zsh", "-f", "-c", ZSH, "zsh", *line.split(), *([""] if line[-1] == " " else [])],
                                 "_mayfly")
        return {re.sub(r"(?<!\\):.*", "", each).replace("\\:", ":") for each in offered if each}

    def fish(self, line):
        offered = self.run_shell(["fish", "--no-config", "-c", FISH, line], "mayfly.fish")
        return {each.split("\t")[0] for each in offered}

    def offer(self, line, words):
        for shell in (self.bash, self.zsh, self.fish):
            with self.subTest(shell.__name__, line=line):
                self.assertEqual(shell(line), set(words))

    def test_offer_every_verb(self):
        for verb in self.verbs:
            if verb.below:
                self.offer(" ".join(["mayfly", *verb.path, ""]), verb.below)

    def test_offer_every_option_of_a_verb(self):
        root = self.verbs[0].options
        for path in (("apply",), ("get", "exits")):
            verb = next(each for each in self.verbs if each.path == path)
            self.offer(" ".join(["mayfly", *path, "--"]),
                       {option for option in verb.options | root if option.startswith("--")})

    def test_offer_what_fits_what_is_written(self):
        self.offer("mayfly g", {"get"})
        self.offer("mayfly get exits --l", {"--limit"})
        self.offer("mayfly frobnicate --socke", {"--socket"})
        self.offer("mayfly status ", ())

    def test_offer_names_of_pools(self):
        for line in ("mayfly pause ", "mayfly get workers ", "mayfly -o json scale ", "mayfly delete --wait "):
            self.offer(line, {"encode", "entry"})
        self.offer("mayfly why ent", {"entry"})

    def test_offer_names_of_workers(self):
        self.offer("mayfly retire ", {"encode-1-7"})
        self.offer("mayfly logs --tail 3 enc", {"encode", "encode-1-7"})

    def test_offer_names_of_images(self):
        for line in ("mayfly image rm ", "mayfly image rm registry.example:5000/e"):
            self.offer(line, {"registry.example:5000/encode:1.8"})

    def test_offer_the_words_that_an_option_takes(self):
        self.offer("mayfly get pools -o ", {"table", "wide", "json", "name"})
        self.offer("mayfly get pools --output=n", {"--output=name"})
        self.offer("mayfly completion ", {"bash", "zsh", "fish"})

    def test_offer_files(self):
        for line in ("mayfly apply -f ", "mayfly image import ", "mayfly --socket "):
            self.assertLessEqual({"pool.toml"}, self.bash(line))
            self.assertEqual(self.zsh(line), {"FILES"})
            self.assertLessEqual({"pool.toml"}, self.fish(line))

    def test_offer_directories(self):
        line = "mayfly doctor --state-dir "
        self.assertIn("folder", self.bash(line))
        self.assertNotIn("pool.toml", self.bash(line))
        self.assertEqual(self.zsh(line), {"FILES", "-/"})
        self.assertIn("folder/", self.fish(line))
        self.assertNotIn("pool.toml", self.fish(line))

    def test_ask_the_daemon_of_the_socket_that_is_written(self):
        for socket in ("--socket /nonexistent", "--socket=/nonexistent"):
            self.offer(f"mayfly {socket} pause ", ())

    def test_offer_clusters_and_of_a_fleet_that_is_away_nothing(self):
        contexts = "mayfly --contexts folder/contexts "
        self.offer(contexts + "--cluster ", {"lab", "main"})
        self.offer(contexts + "--cluster=l", {"--cluster=lab"})
        self.offer(contexts + "context use ", {"lab", "main"})
        for line in ("--cluster lab pause ", "--cluster lab node drain ", "--fleet pause "):
            self.offer(contexts + line, ())

    def test_are_quick_and_silent_when_no_daemon_answers(self):
        """One that takes a connection and says nothing is given a second."""
        with unittest.mock.patch.object(type(self), "socket", os.path.join(self.folder, "hung.sock")), \
                socket.socket(socket.AF_UNIX) as hung:
            hung.bind(self.socket)
            hung.listen()
            self.offer("mayfly pause ", ())


class Command(unittest.TestCase):
    def test_carries_the_scripts_that_are_shipped(self):
        for shell, name in (("bash", "mayfly.bash"), ("zsh", "_mayfly"), ("fish", "mayfly.fish")):
            run = subprocess.run([command_line.program("mayfly"), "completion", shell], stdout=subprocess.PIPE,
                                 text=True, check=True)
            with open(os.path.join(COMPLETIONS, name), encoding="utf-8") as file:
                self.assertEqual(run.stdout, file.read())

    def test_says_of_every_value_what_it_is(self):
        """A verb that is added has to tell, or nothing could be offered for it."""
        for verb in command_line.verbs("mayfly"):
            for name, value in verb.values.items():
                self.assertNotRegex(value, r"^TEXT(?!:\{)", f"{' '.join(verb.path)} {name}")


if __name__ == "__main__":
    unittest.main()
