"""The text of the tree, and a look at C++ that is good enough for rules about its shape."""
import dataclasses
import os
import re

LEFT_OUT = {".git", ".cache", "build", "__pycache__"}


def files_below(root):
    """Paths from the root, sorted; build trees are left out."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [each for each in folders
                      if each not in LEFT_OUT and not each.startswith("build")]
        found += [os.path.relpath(os.path.join(folder, name), root)
                  for name in names if name not in LEFT_OUT]  # .git is a file in a worktree
    return sorted(found)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'", re.S)


def bare(text):
    """C++ without comments and with empty literals; lines stay where they are."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return "\n" * found.count("\n")
        quote = "'" if found.startswith("'") else '"'
        return quote + "\n" * found.count("\n") + quote
    return LITERAL.sub(blank, text)


@dataclasses.dataclass
class Function:
    line: int
    name: str
    lines: int  # from its first line to its closing brace
    depth: int  # of nested if, for, while, switch, do and try
    parameters: list


CONTROL = re.compile(r"\b(if|else|for|while|switch|do|try|catch)\b[^;{}]*$")
TYPE = re.compile(r"\b(namespace|class|struct|union|enum)\b[^;()={}]*$|\bextern\s*\"\"\s*$"
                  r"|\bnamespace\b[^;{}]*$")
LAMBDA = re.compile(r"\[[^\[\]]*\]\s*(\([^{};]*\))?\s*(mutable|noexcept|->[^{};]*|\s)*$")
HEAD = re.compile(r"(?P<name>(?:[A-Za-z_]\w*::)*"
                  r"(?:operator\s*[^\s\w(]{1,3}|operator\(\)|~?[A-Za-z_]\w*))"
                  r"\s*\((?P<parameters>.*)\)"
                  r"\s*(?:const|noexcept|override|final|&+|->[^(){}]*|\s)*$", re.S)


def split_parameters(text):
    """At the commas that are not within brackets."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        if character in "(<[{":
            depth += 1
        elif character in ")>]}" and text[at - 1:at] != "-":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    last = text[start:].strip()
    return parts + [last] if last and last != "void" else parts


def without_initializers(head):
    """`Type::Type(int a) : a_(a), b_{a}` without what begins at the colon."""
    depth = 0
    for at, character in enumerate(head):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif (character == ":" and depth == 0 and head[at + 1:at + 2] != ":"
              and head[at - 1:at] != ":" and head[:at].rstrip().endswith((")", "noexcept"))):
            return head[:at]
    return head


def without_inner_semicolons(code):
    """Those of `for (a; b; c)` and `if (a; b)` end no statement."""
    characters = list(code)
    for match in re.finditer(r"\b(?:for|if|switch)\s*(?:constexpr\s*)?\(", code):
        round_depth, curly_depth = 0, 0
        for at in range(match.end() - 1, len(code)):
            round_depth += {"(": 1, ")": -1}.get(code[at], 0)
            curly_depth += {"{": 1, "}": -1}.get(code[at], 0)
            if round_depth == 0:
                break
            if code[at] == ";" and curly_depth == 0:
                characters[at] = ","
    return "".join(characters)


def functions(code):
    """All functions with a body in bare C++, outermost only: lambdas count for their function."""
    code = without_inner_semicolons(code)
    found, stack, start = [], [], 0
    for match in re.finditer(r"[{};]|^#[^\n]*$", code, re.M):
        mark = match.group(0)
        if mark not in "{};":
            start = match.end()
            continue
        if mark == "{":
            head = code[start:match.start()]
            stack.append(_open(head, start, code, match.start(), stack))
            if stack[-1]["kind"] in ("type", "function", "control", "lambda"):
                start = match.end()
        elif mark == "}":
            if not stack:
                return found
            block = stack.pop()
            if block["kind"] == "function":
                found.append(_function(block, code, match.start()))
            if block["kind"] != "value":
                start = match.end()
        elif not any(each["kind"] == "value" for each in stack[-1:]):
            start = match.end()
    return sorted(found, key=lambda each: each.line)


def _open(head, start, code, brace, stack):
    inside = [each for each in stack if each["kind"] == "function"]
    if inside:
        if LAMBDA.search(head):
            return {"kind": "lambda", "depth": 0}
        if CONTROL.search(head):
            around = stack[-1]
            depth = around.get("depth", 0) + 1
            inside[0]["deepest"] = max(inside[0]["deepest"], depth)
            return {"kind": "control", "depth": depth}
        if TYPE.search(head):
            return {"kind": "type", "depth": 0}
        return {"kind": "value", "depth": stack[-1].get("depth", 0)}
    if TYPE.search(head):
        return {"kind": "type"}
    if head.count("(") != head.count(")"):
        return {"kind": "value"}  # a lambda or a value within an argument
    initialized = without_initializers(head) != head
    if initialized and not head[-1:].isspace():
        return {"kind": "value"}  # a member's braces, not yet the body
    declared = HEAD.search(without_initializers(head))
    if declared and not re.search(r"=\s*$", head):
        first = start + len(head) - len(head.lstrip())
        return {"kind": "function", "first": first, "deepest": 0, "depth": 0,
                "name": declared["name"], "parameters": split_parameters(declared["parameters"])}
    return {"kind": "value"}


def _function(block, code, end):
    first = line_of(code, block["first"])
    return Function(first, block["name"], line_of(code, end) - first + 1, block["deepest"],
                    block["parameters"])
