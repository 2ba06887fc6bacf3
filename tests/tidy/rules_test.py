"""Each rule finds what it forbids, and lets pass what only looks like it."""
import unittest

import rules
import sources


def found(rule, path, text):
    return [what for _, what in rule(path, text)]


def lines(count, text="  go();\n"):
    return text * count


def head_lines(head):
    """Of a text that opens a function at its end, those of the function."""
    return (head.split("struct B {\n")[-1]).count("\n")


class Includes(unittest.TestCase):
    def test_forbid_edges_that_are_not_in_the_table(self):
        for path, target in [("config/load.cc", "agent/core/core.h"),
                             ("config/load.cc", "runtime/driver.h"),
                             ("runtime/oci/spec.cc", "config/document.h"),
                             ("agent/core/core.cc", "runtime/driver.h"),
                             ("agent/logs/logs.cc", "runtime/driver.h"),
                             ("agent/store/store.cc", "agent/evidence.h"),
                             ("runtime/gate/gates.cc", "runtime/containerd/containerd.h")]:
            text = f'#include "{target}"\n'
            self.assertTrue(found(rules.included_folders, path, text), (path, target))

    def test_take_those_that_are(self):
        for path, target in [("config/load.cc", "config/document.h"),
                             ("agent/daemon.cc", "config/load.h"),
                             ("agent/logs/logs.cc", "runtime/descriptor.h"),
                             ("tests/agent/core/harness.h", "agent/core/core.h")]:
            text = f'#include "{target}"\n'
            self.assertFalse(found(rules.included_folders, path, text), (path, target))

    def test_want_a_place_for_each_folder(self):
        self.assertTrue(found(rules.included_folders, "agent/new/new.cc", ""))

    def test_are_written_from_the_root(self):
        text = "".join(f'#include "{name}"\n' for name in
                       ["load.h", "config/load.h", "a/b.pb.h", "agent/version.h"])
        known = {"config/load.h", "agent/version.h.in"}
        broken = list(rules.quoted_includes_exist("config/load.cc", text, known))
        self.assertEqual([line for line, _ in broken], [1])


class Core(unittest.TestCase):
    def test_is_pure(self):
        for name in ["thread", "random", "fstream", "unistd.h", "boost/asio.hpp"]:
            text = f"#include <{name}>\n"
            self.assertTrue(found(rules.pure_core, "agent/core/core.cc", text), name)
        self.assertFalse(found(rules.pure_core, "agent/core/core.cc", "#include <vector>\n"))
        self.assertFalse(found(rules.pure_core, "agent/loop.cc", "#include <thread>\n"))

    def test_has_no_default_in_a_switch(self):
        switch = "switch (x) {\n  default:\n}\n"
        self.assertTrue(found(rules.pure_core, "agent/core/core.cc", switch))
        other = "// default: none\nA() = default;\n"
        self.assertFalse(found(rules.pure_core, "agent/core/core.cc", other))
        self.assertFalse(found(rules.pure_core, "agent/loop.cc", switch))


class Sizes(unittest.TestCase):
    def test_bound_files(self):
        self.assertFalse(found(rules.sizes, "a/b.h", lines(200, "//\n")))
        self.assertTrue(found(rules.sizes, "a/b.h", lines(201, "//\n")))
        self.assertFalse(found(rules.sizes, "a/b.cc", lines(400, "//\n")))
        self.assertTrue(found(rules.sizes, "a/b.cc", lines(401, "//\n")))

    def test_bound_functions(self):
        for head, tail in [("void f() {\n", "}\n"), ("TEST(A, B) {\n", "}\n"),
                           ("Type::Type(int a)\n    : a_(a),\n      b_{a} {\n", "}\n"),
                           ("struct B {\n  int f(int x) const override {\n", "  }\n};\n"),
                           ("F::F(int a)\n    : a_(a, [](int) { b(); }),\n      c_(a) {\n", "}\n"),
                           ("auto f() -> int {\n", "}\n"),
                           ("bool operator==(const A& b) {\n", "}\n")]:
            most = 69 - head_lines(head)
            self.assertFalse(found(rules.sizes, "a/b.cc", head + lines(most) + tail), head)
            self.assertTrue(found(rules.sizes, "a/b.cc", head + lines(most + 1) + tail), head)

    def test_count_a_lambda_for_its_function(self):
        text = "void f() {\n  g([&](int x) {\n" + lines(70) + "  });\n}\n"
        self.assertEqual(len(found(rules.sizes, "a/b.cc", text)), 1)

    def test_do_not_take_types_and_values_for_functions(self):
        for head in ["struct A {\n", "namespace a {\n", "enum class A : int {\n",
                     "const int a[] = {\n", "constexpr std::array<int, 3> kA{\n",
                     "class A final : public B<C()> {\n"]:
            text = head + lines(100, "  a,\n") + "};\n"
            self.assertFalse(found(rules.sizes, "a/b.cc", text), head)

    def test_bound_nesting(self):
        three = ("void f() {\n  for (;;) {\n    if (a) {\n      while (b) {\n        c();\n"
                 "      }\n    }\n  }\n}\n")
        four = three.replace("c();", "do { c(); } while (d);")
        self.assertFalse(found(rules.sizes, "a/b.cc", three))
        self.assertTrue(found(rules.sizes, "a/b.cc", four))
        self.assertFalse(found(rules.sizes, "a/b.cc", three.replace("c();", "c({1, {2}});")))

    def test_bound_parameters(self):
        for parameters, wrong in [("int a, A<B, C> b, std::function<void(int, int)> c", False),
                                  ("int a, int b, int c, int d", False), ("", False),
                                  ("int a, int b, int c, int d, int e", True)]:
            for text in [f"void f({parameters}) {{}}\n", f"F::F({parameters}) : a_(a, 1) {{}}\n"]:
                self.assertEqual(bool(found(rules.sizes, "a/b.cc", text)), wrong, text)


class BoolParameters(unittest.TestCase):
    def test_are_forbidden_beside_others(self):
        for text, wrong in [("void f(int a, bool b);\n", True),
                            ("void f(bool a, int b) const {}\n", True),
                            ("void f(bool on);\n", False), ("bool f(int a, bool& out);\n", False),
                            ("std::function<void(bool)> done;\n", False), ("bool f();\n", False)]:
            self.assertEqual(bool(found(rules.bool_parameters, "a/b.h", text)), wrong, text)


class Layout(unittest.TestCase):
    def test_bounds_columns_of_code(self):
        self.assertFalse(found(rules.layout, "a/b.cc", "é" * 100 + "\n"))
        self.assertTrue(found(rules.layout, "a/b.cc", "x" * 101 + "\n"))
        self.assertFalse(found(rules.layout, "docs/a.md", "x" * 101 + "\n"))

    def test_ends_lines_and_files_cleanly(self):
        self.assertTrue(found(rules.layout, "docs/a.md", "a \n"))
        self.assertTrue(found(rules.layout, "docs/a.md", "a"))
        self.assertFalse(found(rules.layout, "tests/fuzz/corpus/a/b", "a "))


class Headers(unittest.TestCase):
    def test_open_with_what_they_are(self):
        self.assertFalse(found(rules.headers, "a/b.h", "// What this is.\n#pragma once\n"))
        self.assertTrue(found(rules.headers, "a/b.h", "#pragma once\n"))
        self.assertTrue(found(rules.headers, "a/b.h", "// What this is.\n"))


class Names(unittest.TestCase):
    def test_say_something(self):
        for name in ["PoolManager", "HelperThing", "ExitInfo", "Data", "StringUtils"]:
            self.assertTrue(found(rules.names, "a/b.cc", f"struct {name} {{}};\n"), name)
        for name in ["Database", "Informer", "Utility", "Metadata"]:
            self.assertFalse(found(rules.names, "a/b.cc", f"class {name} {{}};\n"), name)
        self.assertFalse(found(rules.names, "a/b.cc", "// struct Data\nauto x = \"class Info\";\n"))
        self.assertTrue(found(rules.names, "agent/utils/a.cc", ""))


class Words(unittest.TestCase):
    def test_of_unfinished_work_are_forbidden(self):
        self.assertTrue(found(rules.words, "a/b.cc", "// TO" + "DO: later\n"))
        self.assertTrue(found(rules.words, "docs/a.md", "FIX" + "ME\n"))
        self.assertFalse(found(rules.words, "a/b.cc", "mkdtemp(\"XXXXXX\");\n"))

    def test_of_one_machine_are_forbidden(self):
        self.assertTrue(found(rules.words, "docs/a.md", "see /wo" + "rk/notes\n"))
        self.assertTrue(found(rules.words, "docs/a.md", "see ../sha" + "red/notes\n"))
        self.assertFalse(found(rules.words, "docs/a.md", "a/work/b, --work/c\n"))


class BannedCode(unittest.TestCase):
    def test_is_found(self):
        self.assertTrue(found(rules.banned_code, "a/b.cc", "co_await x();\n"))
        for text in ["std::this_thread::sleep_for(1s);\n", "  sleep(1);\n"]:
            self.assertTrue(found(rules.banned_code, "tests/a/b.cc", text), text)
        for text in ["// sleep(1)\nworker.sleep(1);\n", "usleep(1);  // nothing tells of it\n"]:
            self.assertFalse(found(rules.banned_code, "tests/a/b.cc", text), text)


class Sources(unittest.TestCase):
    def test_literals_and_comments_are_taken_out_line_by_line(self):
        text = 'a /* {\n{ */ "{\\"" R"x({\n)x" \'{\' 1\'000 // {\nb'
        self.assertEqual(sources.bare(text).count("\n"), text.count("\n"))
        self.assertNotIn("{", sources.bare(text))
        self.assertIn("b", sources.bare(text))

    def test_functions_are_found_with_their_names(self):
        text = ("namespace a {\nint f() { return 1; }\nstruct S {\n  S() : x{1} {}\n"
                "  int g() const {\n    return 2;\n  }\n  int x{};\n};\n}  // namespace a\n"
                "void a::S::h(int) {\n}\n")
        names = [(each.name, each.lines) for each in sources.functions(sources.bare(text))]
        self.assertEqual(names, [("f", 1), ("S", 1), ("g", 3), ("a::S::h", 2)])


if __name__ == "__main__":
    unittest.main()
