"""Search for files that break a reader, led by the code that a file reaches; see `make fuzz`.

Each input is the number of a reader, in one byte, and the file that it gets. Files that reach new
code stay in .fuzz/corpus, and the next search goes on from them. One that breaks a reader is
.fuzz/crash-…: `.venv-fuzz/bin/python tests/fuzz.py .fuzz/crash-…` shows it again. Once it is
mended, it becomes a case of `test_what_a_search_has_found` in tests/property/test_readers.py.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]
with atheris.instrument_imports(include=["echoes"]):
    from property.test_readers import PIECES, try_to_read
    from readers import READERS, cells_reader

#: Larger files reach no other code, and take longer.
LARGEST = 100_000


def main() -> None:
    """Search for some seconds, or try the files that are given."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=60, help="how long to search")
    options.add_argument("files", nargs="*", type=Path, help="files to try instead")
    args = options.parse_args()
    logging.disable()
    folder = Path(tempfile.mkdtemp())
    readers = [*READERS.values(), cells_reader(folder)]

    def try_one(data: bytes) -> None:
        if data:
            try_to_read(folder, readers[data[0] % len(readers)], data[1:])

    if args.files:
        for path in args.files:
            try_one(path.read_bytes())
        return
    found = ROOT / ".fuzz"
    corpus = found / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, reader in enumerate(readers):
        (corpus / f"valid-{number}").write_bytes(bytes([number]) + reader.content)
    words = ['"' + "".join(f"\\x{byte:02x}" for byte in piece) + '"' for piece in PIECES]
    (found / "words.txt").write_text("\n".join(words) + "\n", encoding="ascii")
    limits = [f"-max_total_time={args.seconds}", "-timeout=20", f"-max_len={LARGEST}"]
    places = [f"-artifact_prefix={found}/", f"-dict={found / 'words.txt'}", str(corpus)]
    atheris.Setup([sys.argv[0], *limits, "-rss_limit_mb=4096", *places], try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
