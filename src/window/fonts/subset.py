#!/usr/bin/env python3
"""Makes the fonts of this folder: Inter (Debian's fonts-inter) and Phosphor (npm's @phosphor-icons/web), cut down.

    pip install fonttools && apt-get install fonts-inter && npm pack @phosphor-icons/web
    subset.py FOLDER-OF-UNPACKED-PHOSPHOR

Inter keeps Latin, Greek, Cyrillic and punctuation, and its figures become those of one width, so that columns of numbers
stand still while they change. A new icon is added to ICONS and to ../icons.rs, with the code point this prints.
"""
import pathlib, re, subprocess, sys, tempfile
from fontTools.ttLib import TTFont

HERE = pathlib.Path(__file__).parent
INTER = pathlib.Path("/usr/share/fonts/opentype/inter")
TEXT = ("U+0020-007E,U+00A0-024F,U+0259,U+02B0-02FF,U+0300-036F,U+0370-03FF,U+0400-052F,U+1E00-1EFF,U+2000-206F,U+2070-209F,"
        "U+20A0-20BF,U+2100-214F,U+2150-218F,U+2190-2199,U+2212,U+2215,U+221E,U+2248,U+2260,U+2264,U+2265,U+25CF,U+2713,U+FFFD")
ICONS = """users-three arrows-down-up paper-plane-tilt gear-six magnifying-glass plus x file file-pdf file-text file-image file-video file-audio file-zip file-code file-xls file-ppt file-doc folder files pause play folder-open arrow-square-out check check-circle warning warning-circle info wifi-slash clock arrow-down arrow-up copy link-simple sun moon desktop arrows-clockwise seal-check clipboard-text sort-ascending tray user monitor wifi-high dots-three dots-six-vertical lock-key caret-right caret-down arrow-line-up arrow-line-down calendar-dots hourglass trash pencil-simple list-checks minus gauge leaf hard-drives""".split()
FILLED = ["users-three", "arrows-down-up", "paper-plane-tilt", "gear-six", "check-circle", "warning", "warning-circle", "info"]
NAMES = "--name-IDs=0,1,2,3,4,5,6,13,14"


def with_tabular_figures(font):
    gsub = font["GSUB"].table
    swap = {}
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for index in record.Feature.LookupListIndex:
                for table in gsub.LookupList.Lookup[index].SubTable:
                    swap.update(getattr(getattr(table, "ExtSubTable", table), "mapping", {}))
    for table in font["cmap"].tables:
        if table.isUnicode():
            for figure in range(0x30, 0x3A):
                table.cmap[figure] = swap.get(table.cmap[figure], table.cmap[figure])


def main():
    phosphor = pathlib.Path(sys.argv[1]) / "src"
    for weight in ["Regular", "Medium", "SemiBold"]:
        font = TTFont(INTER / f"Inter-{weight}.otf")
        with_tabular_figures(font)
        with tempfile.NamedTemporaryFile(suffix=".otf") as whole:
            font.save(whole.name)
            subprocess.check_call(["pyftsubset", whole.name, "--unicodes=" + TEXT, "--layout-features=kern,mark,ccmp,locl",
                                   "--no-hinting", f"--output-file={HERE}/Inter-{weight}.otf", NAMES])
    for style, icons, name in [("regular", ICONS, "Phosphor"), ("fill", FILLED, "Phosphor-Fill")]:
        css = (phosphor / style / "style.css").read_text()
        codes = dict(re.findall(r"\.ph-([a-z0-9-]+):before\s*\{\s*content:\s*\"\\([0-9a-f]+)\"", css))
        out = HERE / f"Phosphor-{style.capitalize()}.ttf"
        subprocess.check_call(["pyftsubset", phosphor / style / f"{name}.ttf", "--unicodes=" + ",".join(codes[i] for i in icons),
                               "--layout-features=", "--no-hinting", f"--output-file={out}", NAMES])
        if style == "regular":
            for icon in icons:
                print(f"pub const {icon.upper().replace('-', '_')}: Icon = Icon('\\u{{{codes[icon]}}}');")


main()
