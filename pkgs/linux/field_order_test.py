"""Tests of field_order.py with structures as the kernel writes them."""

import re
import unittest

import field_order

MEMBERS = "".join(f"\tint field_{number}; /* about {number}; */\n" for number in range(8))


def marked(body, tail="__randomize_layout"):
    return f"struct s {{\n{body}}} {tail};\n"


def order(text, seed="a"):
    return field_order.reorder(text, seed)[0]


def words(text):
    return re.findall(r"\w+|[^\w\s]", text)


class FieldOrder(unittest.TestCase):
    def test_the_seed_decides_and_nothing_is_lost(self):
        text = marked(MEMBERS)
        orders = {order(text, seed) for seed in "abcdefgh"}
        self.assertEqual(len(orders), 8)
        for ordered in orders:
            self.assertEqual(sorted(words(ordered)), sorted(words(text)))
            for number in range(8):
                self.assertIn(f"int field_{number}; /* about {number}; */\n", ordered)

    def test_the_same_fields_of_two_structures_have_two_orders(self):
        first, second = (re.findall(r"field_\d", order(marked(MEMBERS + more))) for more in ("long x;\n", "long y;\n"))
        self.assertNotEqual(first, second)

    def test_marks_in_every_form(self):
        for tail in ["__randomize_layout", "__packed __randomize_layout", "__attribute__((aligned(sizeof(long)))) __randomize_layout",
                     "____cacheline_aligned __randomize_layout\nname"]:
            self.assertNotEqual(order(marked(MEMBERS, tail)), marked(MEMBERS, tail))
        region = f"struct s {{\n\tlong first;\n\trandomized_struct_fields_start\n{MEMBERS}\trandomized_struct_fields_end\n\tlong last;\n}};\n"
        ordered = order(region)
        self.assertNotEqual(ordered, region)
        self.assertEqual(words(ordered)[:6], ["struct", "s", "{", "long", "first", ";"])
        self.assertEqual(words(ordered)[-5:], ["long", "last", ";", "}", ";"])

    def test_what_is_not_marked_stays(self):
        for text in [marked(MEMBERS, ""), marked(MEMBERS, "__no_randomize_layout"), marked("#include <members.h>\n"),
                     "#define __randomize_layout x\n# define end } __randomize_layout;\n# define randomized_struct_fields_start {\n"]:
            self.assertEqual(order(text), text)

    def test_conditionals_move_whole(self):
        group = "#ifdef A\n\tint a;\n#if B\n\tint b;\n#endif\n#else\n\tint c;\n#endif\n"
        for seed in "abcd":
            self.assertIn(group, order(marked(MEMBERS + group), seed))

    def test_bit_fields_stay_together(self):
        run = "\tunsigned a:1;\n\tunsigned :0;\n#ifdef A\n\tunsigned b:1;\n#endif\n\tunsigned c:WIDTH;\n"
        for seed in "abcd":
            self.assertIn(run, order(marked(MEMBERS + run + "\tint other;\n"), seed))

    def test_unions_and_structures_inside_move_whole(self):
        union = "\tunion {\n\t\tint a;\n\t\tstruct { int b; int c; };\n\t} u;\n"
        for seed in "abcd":
            self.assertIn(union, order(marked(MEMBERS + union), seed))

    def test_an_array_at_the_end_stays_there(self):
        for array in ["\tchar data[];\n", "\tu8 data[0] __aligned(8);\n", "\tDECLARE_FLEX_ARRAY(u8, data);\n"]:
            self.assertTrue(order(marked(MEMBERS + array)).rstrip().endswith(array.strip() + "\n} __randomize_layout;"))

    def test_pointers_to_functions_need_no_mark(self):
        functions = "".join(f"\tint (*call_{number})(int, void (*done)(void));\n" for number in range(8))
        for text, changes in [(functions, True), (functions + "\tvoid *more;\n", False), ("\tint (*one)(void);\n", False)]:
            self.assertEqual(order(marked(text, "")) != marked(text, ""), changes, text)
        self.assertEqual(order(marked(functions, "__no_randomize_layout")), marked(functions, "__no_randomize_layout"))

    def test_a_structure_that_is_left_alone_is_not_counted(self):
        for text, count in [(marked(MEMBERS) + marked(MEMBERS), 2), (marked("#include <members.h>\n"), 0), (marked(MEMBERS, ""), 0)]:
            self.assertEqual(field_order.reorder(text, "a")[1], count)

    def test_what_is_no_member_is_named(self):
        with self.assertRaisesRegex(ValueError, "not a member: int x"):
            order(marked(MEMBERS + "\tint x\n"))


if __name__ == "__main__":
    unittest.main()
