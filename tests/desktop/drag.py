#!/usr/bin/python3
"""Drags files onto the window titled "Handout" on $DISPLAY: a real GTK drag source and real pointer motion.

  drag.py FILE...        exit 0 when the window took the drop
"""
import pathlib
import subprocess
import sys
import threading
import time

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GLib, Gtk

FILES = [pathlib.Path(name).resolve().as_uri() for name in sys.argv[1:]]
SOURCE = (20, 20)
result = {"asked": False, "ended": False, "failed": False}


def xdotool(*words):
    done = subprocess.run(["xdotool", *map(str, words)], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout


def source_window():
    window = Gtk.Window(type=Gtk.WindowType.POPUP)
    window.set_default_size(60, 60)
    window.move(0, 0)
    box = Gtk.EventBox()
    box.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
    box.drag_source_add_uri_targets()

    def give(_widget, _context, data, _info, _time):
        result["asked"] = True
        data.set_uris(FILES)

    box.connect("drag-data-get", give)
    box.connect("drag-failed", lambda *_: result.update(failed=True))
    box.connect("drag-end", lambda *_: result.update(ended=True))
    window.add(box)
    window.show_all()
    return window


def drag():
    time.sleep(0.5)
    target = xdotool("search", "--onlyvisible", "--name", "^Handout$").split()[-1]
    place = dict(line.split("=") for line in xdotool("getwindowgeometry", "--shell", target).split() if "=" in line)
    x = int(place["X"]) + int(place["WIDTH"]) // 2
    y = int(place["Y"]) + int(place["HEIGHT"]) // 2
    xdotool("mousemove", *SOURCE)
    time.sleep(0.2)
    xdotool("mousedown", 1)
    # Small steps first, past the distance from which a press counts as a drag.
    steps = [(SOURCE[0] + 5 * n, SOURCE[1] + 5 * n) for n in range(1, 8)]
    steps += [(SOURCE[0] + 35 + (x - SOURCE[0] - 35) * n // 20, SOURCE[1] + 35 + (y - SOURCE[1] - 35) * n // 20) for n in range(1, 21)]
    for step in steps:
        xdotool("mousemove", *step)
        time.sleep(0.03)
    for n in range(4):
        xdotool("mousemove", x + n % 2, y)
        time.sleep(0.15)
    xdotool("mouseup", 1)
    until = time.monotonic() + 10
    while not result["ended"] and time.monotonic() < until:
        time.sleep(0.05)
    GLib.idle_add(Gtk.main_quit)


keep = source_window()
threading.Thread(target=drag, daemon=True).start()
Gtk.main()
sys.exit(0 if result["asked"] and result["ended"] and not result["failed"] else 1)
