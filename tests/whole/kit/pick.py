#!/usr/bin/env -S python3 -B
"""Choosing among named things by the words of a command line: tests, fuzz targets, benches.

    tests/whole/kit/pick.py [WORD...] -- NAME...    prints those that pick() chooses
"""
import difflib, fnmatch, sys


def pick(words, names):
    """The names, in their order, that a word is or, being a glob, matches; all if there is no word.
    Ends the program for a word that means none, with those that look like it."""
    names = list(dict.fromkeys(names))
    chosen = set()
    for word in words:
        found = fnmatch.filter(names, word)
        if not found:
            _end("nothing is called \"%s\"" % word, word, names)
        chosen.update(found)
    return [name for name in names if name in chosen or not words]


def containing(words, things, name=str):
    """The things whose name contains a word; all if there is no word. A word that no name contains ends
    the program likewise."""
    names = [name(thing) for thing in things]
    for word in words:
        if not any(word in n for n in names):
            _end("no name contains \"%s\"" % word, word, names)
    return [thing for thing, n in zip(things, names) if not words or any(word in n for word in words)]


def _end(why, word, names):
    near = [name for name in names if word in name or name in word]
    near += [name for name in difflib.get_close_matches(word, names, 5, 0.5) if name not in near]
    by_word = lambda name: any(difflib.get_close_matches(part, name.split(), 1, 0.7) for part in word.split())
    near = near or [name for name in names if by_word(name)][:5]
    sys.exit("%s; %s: %s" % (why, "near it" if near else "there are", ", ".join(near or names)))


if __name__ == "__main__":
    at = sys.argv.index("--")
    print(" ".join(pick(sys.argv[1:at], sys.argv[at + 1:])))
