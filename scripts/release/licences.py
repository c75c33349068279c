"""The licences of all crates that a binary is made of, in one file.

    scripts/release/licences.py TARGET OUT.txt [--offline]

Reads `cargo metadata` and the files that the crates come with. Exits with 1, and names the crate, where a licence is none that may
be passed on with the binary, or where a text that has to go with it is not found.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "bzip2-1.0.6",
    "CC0-1.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
}  # fmt: skip
NAMES = re.compile(r"(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)
RULE = "=" * 100

MUSL = """Copyright (c) 2005-2020 Rich Felker, et al.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def allows(expression):
    """True if one way of reading an SPDX expression (AND, OR, parentheses; `/` is an old OR) takes only allowed licences."""
    words = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR ").replace(" WITH ", "_WITH_"))

    def factor():
        word = words.pop(0)
        if word != "(":
            return word.replace("_WITH_", " WITH ") in ALLOWED
        value = either()
        if not words or words.pop(0) != ")":
            raise ValueError(f"no licence expression: {expression}")
        return value

    def both():
        value = factor()
        while words[:1] == ["AND"]:
            words.pop(0)
            value = factor() and value
        return value

    def either():
        value = both()
        while words[:1] == ["OR"]:
            words.pop(0)
            value = both() or value
        return value

    value = either()
    if words:
        raise ValueError(f"no licence expression: {expression}")
    return value


def linked(metadata, root):
    """The packages that `root` is linked with, itself first: normal dependencies, and no macros, which only run in the compiler."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    wanted = [next(id for id, package in packages.items() if package["name"] == root)]
    found = {}
    while wanted:
        id = wanted.pop()
        if id in found or any("proc-macro" in target["kind"] for target in packages[id]["targets"]):
            continue
        found[id] = packages[id]
        normal = (d["pkg"] for d in nodes[id]["deps"] if any(kind["kind"] is None for kind in d["dep_kinds"]))
        wanted.extend(normal)
    return list(found.values())


def texts(package):
    """The licence files of a package and of what lies in it, as (name, text)."""
    folder = Path(package["manifest_path"]).parent
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        # zstd may be had under either of two licences: BSD's, which is in LICENSE, and not the GPL.
        is_other_choice = package["name"] == "zstd-sys" and file.name == "COPYING"
        if file.is_file() and NAMES.match(file.name) and file.suffix not in (".rs", ".py", ".c") and not is_other_choice:
            yield name, file.read_text(encoding="utf-8", errors="replace").strip()


def main():
    target, out = sys.argv[1], Path(sys.argv[2])
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target, *sys.argv[3:]]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = [package for package in linked(metadata, "baler-cli") if package["source"]]
    packages.sort(key=lambda package: (package["name"], package["version"]))

    apache = Path("LICENSE").read_text(encoding="utf-8").strip()
    wrong, parts, same = [], [], {apache: "LICENSE, beside this file"}
    for package in packages:
        label = f"{package['name']} {package['version']}"
        licence = package["license"] or ""
        if not licence or not allows(licence):
            wrong.append(f"{label}: '{licence}'")
            continue
        lines = [RULE, label, f"Licence: {licence}", f"Source:  {package['repository'] or package['homepage'] or 'crates.io'}"]
        if package["authors"]:
            lines.append(f"Authors: {', '.join(package['authors'])}")
        files = list(texts(package))
        if not files and "Apache-2.0" not in licence:
            wrong.append(f"{label}: {licence}, and no text of it in the crate")
        if not files:
            lines.append("Taken under Apache-2.0, whose text is LICENSE, beside this file.")
        for name, text in files:
            # Many crates have the same text, that of Apache-2.0 above all; it stands here once.
            if text in same:
                lines.append(f"{name}: as {same[text]}")
            else:
                same[text] = f"{name} of {label}"
                lines += [f"---- {name}", text, ""]
        parts.append("\n".join(lines))
    if wrong:
        sys.exit("expected licences that may be passed on with the binary, found\n  " + "\n  ".join(wrong))

    names = "\n".join(f"{p['name']} {p['version']}: {p['license']}" for p in packages)
    head = f"What {len(packages)} crates that `baler` is made of are licensed under, as they say it.\n\n{names}\n"
    rust = "Rust's standard library: MIT OR Apache-2.0; its own parts are in rust-standard-library.html, beside this file."
    if "musl" in target:
        parts.append("\n".join([RULE, "musl, the C library", "Licence: MIT", "Source:  https://musl.libc.org", MUSL]))
    out.write_text("\n".join([head, rust, *parts]) + "\n", encoding="utf-8")
    print(f"{out.name}: {len(packages)} crates, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
