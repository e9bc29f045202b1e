"""Orders the fields of the kernel's structures by a seed: field_order.py TREE SEED.

What RANDSTRUCT has the compiler do, done to the source: clang shuffles by std::shuffle, whose result each C++ library chooses for
itself, so that two builds of the same clang make two kernels. Here every compiler sees the same order. As with RANDSTRUCT_FULL,
structures marked __randomize_layout are ordered, and those that hold nothing but pointers to functions.
"""

import hashlib
import pathlib
import re
import sys

# Code that the firmware, the processor's start, user space or the build machine shares, which RANDSTRUCT leaves alone, too.
APART = ("arch/x86/boot", "arch/x86/entry/vdso", "arch/x86/purgatory", "arch/x86/realmode", "drivers/firmware/efi/libstub",
         "include/uapi", "rust", "samples", "scripts", "tools", "usr")
# What the text says to the preprocessor or to people, blanked where structure is looked for.
UNSEEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
MARKED = re.compile(r"\}[^;{}=]*\b__randomize_layout\b")
STRUCTURE = re.compile(r"struct\s+(\w+)\s*\{")
REGION = re.compile(r"randomized_struct_fields_start\b")
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)(?:\\\n|[^\n])*", re.MULTILINE)
POINTER = re.compile(r"\(\s*\*")
FUNCTION = re.compile(r"[\w\s*]+\(\s*\*\s*(?:const\s+)?\w+\s*\)\s*\([^;]*\)[\w\s()]*;")
BIT_FIELD = re.compile(r":\s*\w+\s*;")
# The rest of a member's line, if it is a comment about it.
REMARK = re.compile(r"[ \t]*(?:/\*.*?\*/|//[^\n]*)?", re.DOTALL)
ARRAY = re.compile(r"\][^\]\[;]*;\s*(?:#[^\n]*\s*)*$|DECLARE_FLEX_ARRAY")


def blank(text):
    """The text with comments and literals as spaces, so that places in it stay."""
    return UNSEEN.sub(lambda found: "\n".join(" " * len(line) for line in found.group().split("\n")), text)


def closing(seen, opening):
    """The place of the brace that closes the one at `opening`."""
    depth = 0
    for found in re.finditer(r"[{}]", seen[opening:]):
        depth += 1 if found.group() == "{" else -1
        if depth == 0:
            return opening + found.start()
    raise ValueError("a brace is never closed")


def ends(seen):
    """Where the members of a body end: after a semicolon outside of braces and conditionals, or after the last #endif of some."""
    depth = conditionals = 0
    tokens = re.compile(f"{DIRECTIVE.pattern}|[{{}}();]", re.MULTILINE)
    for found in tokens.finditer(seen):
        directive = found.group(1)
        if directive in ("if", "ifdef", "ifndef"):
            conditionals += 1
        elif directive == "endif":
            conditionals -= 1
            if conditionals == 0 and depth == 0:
                yield found.end()
        elif directive is None:
            depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(found.group(), 0)
            if found.group() == ";" and depth == 0 and conditionals == 0:
                yield found.end()


def members(text):
    """The members of a body, as text and as seen without comments, and what follows the last. Bit-fields that lie together stay so:
    some share a lock, and some are told apart by `:0`."""
    seen, start, found = blank(text), 0, []
    for end in ends(seen):
        end = REMARK.match(text, end).end()
        bits = bool(BIT_FIELD.search(outside_braces(seen[start:end])))
        if bits and found and found[-1][2]:
            found[-1] = (found[-1][0] + text[start:end], found[-1][1] + seen[start:end], True)
        else:
            found.append((text[start:end], seen[start:end], bits))
        start = end
    return [member[:2] for member in found], text[start:]


def outside_braces(seen):
    """The text without what lies in braces."""
    while "{" in seen:
        opening = seen.index("{")
        seen = seen[:opening] + seen[closing(seen, opening) + 1:]
    return seen


def ordered(body, seed):
    """The body with its members in the order of the seed. An array at the end stays there: it may be as long as its object."""
    found, rest = members(body)
    if blank(rest).strip():
        raise ValueError(f"not a member: {blank(rest).strip()[:60]}")
    last = [found.pop()] if found and ARRAY.search(outside_braces(found[-1][1])) else []
    structure = " ".join(blank(body).split())
    found.sort(key=lambda member: hashlib.sha256("\n".join((seed, structure, *member[1].split())).encode()).digest())
    return "\n".join(text.strip("\n") for text, _ in found + last).join(("\n", "\n")) + rest.lstrip("\n")


def only_functions(body):
    """Whether each member of a body is a pointer to a function, and there is more than one."""
    found, rest = members(body)
    found = [DIRECTIVE.sub("", seen).strip() for _, seen in found]
    return len(found) > 1 and not blank(rest).strip() and all(FUNCTION.fullmatch(member) for member in found)


def bodies(seen, text):
    """Where the bodies begin that the seed orders: places of the characters before them."""
    for found in MARKED.finditer(seen) if "__randomize_layout" in seen else ():
        if not in_directive(seen, found.start()):
            yield opening(seen, found.start())
    for found in REGION.finditer(seen):
        if not in_directive(seen, found.start()):
            yield found.end() - 1
    for found in STRUCTURE.finditer(seen):
        end = seen.find("}", found.end())
        attributes = seen[end + 1:seen.find(";", end)]
        if "randomize_layout" not in attributes and simple(seen[found.end():end]) and only_functions(text[found.end():end]):
            yield found.end() - 1


def in_directive(seen, place):
    """Whether a line is the preprocessor's, such as the one that defines the mark."""
    return seen[seen.rfind("\n", 0, place) + 1:place].lstrip().startswith("#")


def simple(seen):
    """Whether a body could be pointers to functions: it has one, and no body inside."""
    return "{" not in seen and bool(POINTER.search(seen)) and not included(seen)


def included(seen):
    """Whether a body takes its members from another file, in whose order they stay."""
    return re.search(r"^[ \t]*#[ \t]*include\b", seen, re.MULTILINE)


def opening(seen, close):
    """The place of the brace that the one at `close` closes."""
    depth = 0
    for place in range(close, -1, -1):
        depth += {"}": 1, "{": -1}.get(seen[place], 0)
        if depth == 0:
            return place
    raise ValueError("a brace is never opened")


def reorder(text, seed):
    """A file with its structures in order, and how many there are. Inner ones come first: they are part of the outer ones' texts."""
    count = 0
    for start in sorted(set(bodies(blank(text), text)), reverse=True):
        seen = blank(text)
        end = closing(seen, start) if seen[start] == "{" else seen.index("randomized_struct_fields_end", start)
        if not included(seen[start:end]):
            text = text[:start + 1] + ordered(text[start + 1:end], seed) + text[end:]
            count += 1
    return text, count


def main(tree, seed):
    root, count = pathlib.Path(tree), 0
    for path in sorted(root.rglob("*.[ch]")):
        name = path.relative_to(root).as_posix()
        if name.startswith(tuple(f"{part}/" for part in APART)) or path.is_symlink():
            continue
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        if "__randomize_layout" not in text and not POINTER.search(text):
            continue
        try:
            changed, structures = reorder(text, seed)
        except ValueError as error:
            sys.exit(f"{name}: {error}")
        if changed != text:
            path.write_text(changed, encoding="utf-8", errors="surrogateescape")
            count += structures
    print(f"{count} structures have the order of their fields from the seed")


if __name__ == "__main__":
    main(*sys.argv[1:])
