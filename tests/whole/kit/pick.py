"""Choosing among named things: tests/run and fuzz.py by the words of their command lines."""
import difflib, fnmatch, sys


def pick(words, names):
    """The names, in their order, that a word is or, being a glob, matches; all if there is no word.
    Ends the program for a word that means none, with those that look like it."""
    names = list(dict.fromkeys(names))
    chosen = set()
    for word in words:
        found = fnmatch.filter(names, word)
        if not found:
            near = [name for name in names if word in name or name in word]
            near += [name for name in difflib.get_close_matches(word, names, 5) if name not in near]
            sys.exit("nothing is called \"%s\"; %s: %s" % (
                word, "near it" if near else "there are", ", ".join(near or names)))
        chosen.update(found)
    return [name for name in names if name in chosen or not words]
