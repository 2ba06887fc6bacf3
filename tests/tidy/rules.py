"""The rules of the house that a machine can hold. Each takes a path from the root and the text of
the file, and gives what is wrong as (line, what)."""
import os
import re

from sources import bare, functions, line_of

FILE_LINES, HEADER_LINES = 400, 200
COLUMNS_CPP, COLUMNS_SCRIPT = 100, 120
FUNCTION_LINES, PARAMETERS, NESTING = 70, 4, 3

# Who may include whom. A folder that is not here has yet to be given its place.
INCLUDES = {
    "config": [],
    "runtime": [],
    "runtime/oci": ["runtime"],
    "runtime/curl": [],
    "runtime/encoding": [],
    "runtime/files": [],
    "runtime/http": [],
    "runtime/archive": ["runtime/oci", "runtime/registry"],
    "runtime/registry": ["runtime", "runtime/encoding", "runtime/files", "runtime/oci"],
    "runtime/gate": ["runtime", "runtime/files"],
    "runtime/gate/program": ["runtime/gate"],
    "runtime/containerd": ["runtime", "runtime/oci", "runtime/registry", "runtime/containerd/grpc",
                           "runtime/containerd/images"],
    "runtime/containerd/grpc": [],
    "runtime/containerd/images": ["runtime", "runtime/archive", "runtime/oci", "runtime/registry",
                                  "runtime/containerd"],
    "runtime/docker": ["runtime", "runtime/http", "runtime/oci", "runtime/registry",
                       "runtime/docker/images"],
    "runtime/docker/images": ["runtime", "runtime/archive", "runtime/encoding", "runtime/http",
                              "runtime/oci", "runtime/registry", "runtime/docker"],
    "systemd": [],
    "agent/core": [],
    "agent/doctor": ["config", "runtime/files"],
    "agent/store": [],
    "agent/logs": ["runtime"],
    "agent/control": ["agent", "agent/core", "agent/doctor", "agent/logs", "agent/store", "config"],
    "agent/cli": ["agent/cli/fleet", "agent/doctor", "config"],
    "agent/cli/fleet": ["agent/cli", "agent/coordinator", "agent/coordinator/etcd", "config",
                        "runtime/files"],
    "agent/coordinator": ["agent/core", "agent/coordinator/etcd"],
    "agent/coordinator/etcd": ["runtime/encoding", "runtime/files", "runtime/http"],
    "agent/fleet": ["agent", "agent/core", "agent/control", "agent/coordinator", "agent/coordinator/etcd",
                    "agent/store", "config"],
    "agent/webhook": ["agent", "agent/core", "agent/control", "agent/coordinator", "config", "runtime/encoding",
                      "runtime/files", "runtime/http"],
    "agent": ["agent/core", "agent/doctor", "agent/store", "agent/logs", "agent/control", "agent/fleet",
              "agent/webhook", "config", "runtime", "runtime/oci", "runtime/gate", "runtime/containerd",
              "runtime/docker", "runtime/files", "runtime/registry", "systemd"],
}
# What a folder may take of one that it may include: an interface, not its neighbour's insides.
ONLY = {
    ("agent/logs", "runtime"): {"runtime/descriptor.h"},
    ("agent/webhook", "agent"): {"agent/clock.h", "agent/log.h"},
    ("agent/webhook", "agent/control"): {"agent/control/clock.h", "agent/control/names.h",
                                         "agent/control/operations.h"},
    ("agent/webhook", "agent/coordinator"): {"agent/coordinator/retry.h"},
    ("agent/coordinator", "agent/core"): {"agent/core/node_words.h", "agent/core/time.h"},
    ("agent/coordinator", "agent/coordinator/etcd"): {"agent/coordinator/etcd/messages.h"},
    ("agent/cli/fleet", "agent/coordinator"): {"agent/coordinator/claim_text.h",
                                               "agent/coordinator/desired_state.h",
                                               "agent/coordinator/parts.h",
                                               "agent/coordinator/share.h"},
}

# Of the standard library, and pure: clocks, threads, files and chance are not for the core.
PURE = set("""
algorithm any array bit bitset cassert cctype cerrno charconv chrono climits cmath compare concepts
cstdarg cstddef cstdint cstdlib cstring deque exception forward_list functional initializer_list
iomanip ios iosfwd istream iterator limits list locale map memory memory_resource new numbers
numeric optional ostream queue ranges ratio regex scoped_allocator set source_location span sstream
stack stdexcept streambuf string string_view system_error tuple type_traits typeindex typeinfo
unordered_map unordered_set utility valarray variant vector version""".split())

EMPTY_WORDS = {"Manager", "Helper", "Helpers", "Util", "Utils", "Data", "Info"}
EMPTY_FOLDERS = {"utils", "util", "common", "misc", "helpers"}
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
ELSEWHERE = re.compile("(?<![\\w.])/" + "work/|\\.\\./" + "shared")


def is_cpp(path):
    return path.endswith((".cc", ".h"))


def includes(text):
    for match in re.finditer(r'^\s*#\s*include\s*(["<])([^">]+)[">]', text, re.M):
        yield line_of(text, match.start()), match[1] == '"', match[2]


def included_folders(path, text):
    """Sources only: tests may look at anything, the folders of the table at what it says."""
    folder = os.path.dirname(path)
    if not is_cpp(path) or path.startswith("tests/"):
        return
    if folder not in INCLUDES:
        yield 1, f"folder {folder} is not in the table of includes"
        return
    for line, ours, target in includes(text):
        other = os.path.dirname(target)
        if not ours or other == folder:
            continue
        only = ONLY.get((folder, other))
        if other not in INCLUDES[folder] or (only and target not in only):
            yield line, f"{folder} may not include {target}"


def quoted_includes_exist(path, text, known):
    """`known`: all files of the tree. What the build makes is let pass."""
    if not is_cpp(path):
        return
    for line, ours, target in includes(text):
        made = target.endswith(".pb.h") or target + ".in" in known
        if ours and target not in known and not made:
            yield line, f'"{target}" is not a path from the root'


def pure_core(path, text):
    if not path.startswith("agent/core/") or not is_cpp(path):
        return
    for line, ours, target in includes(text):
        if not ours and target not in PURE:
            yield line, f"the core may not include <{target}>"
    for match in re.finditer(r"\bdefault\s*:", bare(text)):
        yield line_of(bare(text), match.start()), "a switch of the core has no default"


def sizes(path, text):
    if not is_cpp(path):
        return
    lines = text.count("\n")
    most = HEADER_LINES if path.endswith(".h") else FILE_LINES
    if lines > most:
        yield 1, f"{lines} lines, {most} at most"
    for each in functions(bare(text)):
        if each.lines > FUNCTION_LINES:
            yield each.line, f"{each.name} has {each.lines} lines, {FUNCTION_LINES} at most"
        if each.depth > NESTING:
            yield each.line, f"{each.name} nests {each.depth} deep, {NESTING} at most"
        if len(each.parameters) > PARAMETERS:
            yield each.line, f"{each.name} takes {len(each.parameters)}, {PARAMETERS} at most"


DECLARATION = re.compile(r"(\w+)\s*\(([^(){};]*)\)\s*(?:const|noexcept|override|= 0|\s)*[;{]")


def bool_parameters(path, text):
    """In headers: at the call, nobody sees what `true` means. A function of one parameter says it
    by its name."""
    if not path.endswith(".h") or path.startswith("tests/"):
        return
    code = bare(text)
    for match in DECLARATION.finditer(code):
        parameters = match[2].split(",")
        flags = [each for each in parameters if re.match(r"\s*bool\s+\w+", each)]
        if flags and len(parameters) > 1:
            yield line_of(code, match.start()), f"{match[1]} takes a bool"


def layout(path, text):
    if path.startswith("tests/fuzz/corpus/"):
        return
    columns = len(text)
    if is_cpp(path):
        columns = COLUMNS_CPP
    elif path.endswith((".py", ".sh", "/CMakeLists.txt")) or path in ("CMakeLists.txt", "dev"):
        columns = COLUMNS_SCRIPT
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > columns:
            yield number, f"{len(line)} columns, {columns} at most"
        # In a patch, an empty line of context is a space.
        if line != line.rstrip() and not path.endswith(".patch"):
            yield number, "a space at the end of the line"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end"


def headers(path, text):
    if not path.endswith(".h"):
        return
    if not text.startswith("//"):
        yield 1, "a header opens with what it is"
    if "\n#pragma once\n" not in text:
        yield 1, "#pragma once is missing"


TYPE_NAME = re.compile(r"\b(?:class|struct|enum(?:\s+class)?|union|using|concept)\s+(\w+)")


def names(path, text):
    for folder in os.path.dirname(path).split("/"):
        if folder in EMPTY_FOLDERS:
            yield 1, f"a folder is named for what it is about, not {folder}"
    if not is_cpp(path):
        return
    code = bare(text)
    for match in TYPE_NAME.finditer(code):
        empty = EMPTY_WORDS & set(re.findall(r"[A-Z][a-z0-9]*", match[1]))
        if empty:
            yield line_of(code, match.start()), f"{match[1]}: {min(empty)} says nothing"


def words(path, text):
    if path.startswith("tests/fuzz/corpus/"):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if UNFINISHED.search(line):
            yield number, "unfinished: " + line.strip()[:60]
        if ELSEWHERE.search(line):
            yield number, "a path of some machine: " + line.strip()[:60]


UNEXPLAINED_SLEEP = "a sleep in a test says beside it why there is nothing to wait for"
SLEEP = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\b|(?<![\w.:>])sleep\(")


def banned_code(path, text):
    if not is_cpp(path):
        return
    code = bare(text)
    for match in re.finditer(r"\bco_(await|return|yield)\b", code):
        yield line_of(code, match.start()), "coroutines are miscompiled by g++ 12.2"
    if not path.startswith("tests/"):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if SLEEP.search(bare(line)) and "//" not in line:
            yield number, UNEXPLAINED_SLEEP


RULES = [included_folders, pure_core, sizes, bool_parameters, layout, headers, names, words,
         banned_code]
