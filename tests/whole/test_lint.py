#!/usr/bin/env python3
"""Proves the layering and the names of locust.h, and that the two provers find what they look for."""
import os, re, shutil, subprocess, sys, tempfile

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def planted(tool, text, part):
    """Does the tool refuse the header with this text at the end of a part? It must name the last name of
    the text."""
    with tempfile.TemporaryDirectory() as folder:
        top = shutil.copytree("tools/header", os.path.join(folder, "header"))
        with open(os.path.join(top, part), "a") as file:
            file.write(text + "\n")
        done = subprocess.run(["tools/" + tool], capture_output=True, text=True,
                              env=dict(os.environ, TOP=top))
    name = re.findall(r"locust_+\w+(?=[(;])", text)[-1]
    return done.returncode == 1 and name in done.stdout, done.stdout + done.stderr


def passes(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


UPWARD = """static locust_error locust__stream_fill(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS;
static locust_error locust__planted(locust_stream *s) LOCUST__PARKS { return locust__stream_fill(s, 0); }"""
PUBLIC = "static int locust__planted(void) { return locust_main(0, NULL, NULL); }"
TESTS = [
    ("a planted call of a later function is found", planted,
     ("check_layers.py", UPWARD, "2-loop/sync.c")),
    ("a planted call of a public function is found", planted,
     ("check_layers.py", PUBLIC, "9-outside/main.c")),
    ("a planted name of another part is found", planted,
     ("map.py", "static int locust__cookie_planted;", "2-loop/sync.c")),
    ("a planted private name that is a public one but for an underscore is found", planted,
     ("map.py", "typedef struct locust__request { int a; } locust__request;", "5-http/request.c")),
    ("every part uses what stands above it", passes, ("tools/check_layers.py",)),
    ("contents, uses and owners of names are as the parts say", passes, ("tools/map.py",)),
    ("the name checker finds violations", passes, ("tools/check_names.py", "--self-test")),
    ("every name has the prefix", passes, ("tools/check_names.py", "locust.h")),
]

passed = failed = skipped = 0
for name, function, arguments in TESTS:
    if not (all(map(shutil.which, ("gcc", "readelf", "ctags")))):
        skipped += 1
        print("skip %s: gcc, readelf or ctags is missing" % name)
        continue
    good, output = function(*arguments)
    if good:
        passed += 1
        print("ok %s" % name)
    else:
        failed += 1
        print("%snot ok %s" % (output, name))
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(1 if failed else 0)
