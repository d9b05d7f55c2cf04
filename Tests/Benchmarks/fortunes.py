"""Real Russian text for the benchmarks: the jokes of Debian's package fortunes-ru."""

import pathlib

FORTUNES = pathlib.Path("/usr/share/games/fortunes/ru")


def fortunes(separator, without=(), only=None):
    """The texts as bugurts: upper case, sentences separated by `separator`; none without the package.

    `without` and `only` are names of files.
    """
    if not FORTUNES.is_dir():
        return
    for path in sorted(FORTUNES.iterdir()):
        if path.name in without or only and path.name not in only:
            continue
        if path.is_file() and path.suffix not in (".dat", ".u8"):
            for text in path.read_text(encoding="utf-8", errors="replace").split("\n%\n"):
                lines = [line.strip() for line in text.upper().splitlines()]
                post = separator.join(line for line in lines if line and line != "%")
                if post:
                    yield post
