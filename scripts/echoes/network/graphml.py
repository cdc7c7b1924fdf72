"""Edge lists in GraphML, read as a stream.

Format: http://graphml.graphdrawing.org/specification.html.
"""

from __future__ import annotations

from array import array
from xml.parsers import expat

import numpy as np

from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.text import DAMAGE, damaged, open_bytes
from echoes.network.edge_rows import EdgeRows, NameCodes

_BLOCK_BYTES = 1 << 20


def read_graphml(path: StrPath, node_name: str | None, weight: str | None) -> EdgeRows:
    """Read the links of a GraphML file.

    Parameters
    ----------
    path
        The file, plain or gzip-compressed.
    node_name
        The node attribute with the name of the gene, such as ``name`` or ``label``; None where
        the ids of the nodes are the names.
    weight
        The edge attribute with the weight; None to give each link the weight 1.

    Raises
    ------
    InputError
        When the file is no complete GraphML, declares a document type or entities, or a link has
        no weight or an unknown end.
    """
    reader = _Reader(path, node_name, weight)
    try:
        with open_bytes(path) as stream:
            while block := stream.read(_BLOCK_BYTES):
                reader.parser.Parse(block, False)
        reader.parser.Parse(b"", True)
    except FileNotFoundError:
        raise
    except expat.ExpatError as error:
        raise InputError(
            path,
            f"line {error.lineno}",
            f"no well-formed XML ({error})",
            expected="a complete GraphML file",
            remedy="Export the network again.",
        ) from error
    # Of encodings that nobody knows, or that expat cannot use.
    except (*DAMAGE, LookupError, ValueError) as error:
        raise damaged(path, reader.parser.CurrentLineNumber, error) from error
    return reader.rows()


class _Reader:
    """Handlers of a GraphML file's elements; keeps numbers, and each node's name once."""

    def __init__(self, path: StrPath, node_name: str | None, weight: str | None) -> None:
        self.path = path
        self.attributes = {"node": node_name, "edge": weight}
        self.keys: dict[tuple[str, str], str] = {}
        self.defaults: dict[str, str] = {}
        self.ids = NameCodes()
        self.names: dict[int, str] = {}
        self.source, self.target, self.line = array("i"), array("i"), array("l")
        self.weight = array("d")
        self.element, self.id, self.number = "", "", 0
        self.key, self.text, self.value = "", "", ""
        self.root, self.graphs = "", 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        # Entities are declared there: a short file can stand for gigabytes, or read other files.
        self.parser.StartDoctypeDeclHandler = self.refuse_doctype

    def wrong(
        self, problem: str, expected: str, remedy: str, line: int | None = None
    ) -> InputError:
        line = line or self.parser.CurrentLineNumber
        return InputError(self.path, f"line {line}", problem, expected=expected, remedy=remedy)

    def refuse_doctype(self, *_: object) -> None:
        raise self.wrong(
            "the file declares a document type (DTD)",
            "GraphML without one, as programs write it",
            "Remove the <!DOCTYPE …> declaration.",
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rsplit(" ", 1)[-1]
        self.root = self.root or tag
        if self.root != "graphml":
            raise self.wrong(
                f"the first element is <{tag}>", "<graphml>", "Check that this is the right file."
            )
        if tag == "key":
            self.start_key(attributes)
        elif tag == "graph":
            self.graphs += 1
            if self.graphs > 1:
                raise self.wrong("a second graph", "one graph", "Export one network a file.")
            self.check_keys()
        elif tag == "hyperedge":
            raise self.wrong("a hyperedge", "edges of two nodes", "Export edges of two nodes.")
        elif tag == "node":
            self.element, self.value = "node", ""
            self.id = attributes.get("id", "")
            self.number = self.ids.code(self.id)
        elif tag == "edge":
            self.element, self.value = "edge", ""
            self.source.append(self.ids.code(attributes.get("source", "")))
            self.target.append(self.ids.code(attributes.get("target", "")))
            self.line.append(self.parser.CurrentLineNumber)
        elif tag in {"data", "default"}:
            self.key, self.text = attributes.get("key", self.key), ""

    def start_key(self, attributes: dict[str, str]) -> None:
        """Remember which key the wanted attributes have."""
        self.key = attributes.get("id", "")
        for element in ("node", "edge"):
            if attributes.get("for", "all") in {element, "all"}:
                title = attributes.get("attr.name", self.key)
                self.keys.setdefault((element, title), self.key)

    def check_keys(self) -> None:
        for element, attribute in self.attributes.items():
            if attribute is not None and (element, attribute) not in self.keys:
                there = [title for kind, title in self.keys if kind == element]
                raise self.wrong(
                    f"no {element} attribute {attribute}; there are {abbreviate(there) or 'none'}",
                    f"a <key> for the {element} attribute {attribute}",
                    "Name an attribute of this file.",
                )

    def wanted(self, element: str) -> str | None:
        attribute = self.attributes.get(element)
        if attribute is not None and (element, attribute) not in self.keys:
            # There is no <graph> before it.
            self.check_keys()
        return None if attribute is None else self.keys[element, attribute]

    def characters(self, text: str) -> None:
        if self.key:
            self.text += text

    def end(self, name: str) -> None:
        tag = name.rsplit(" ", 1)[-1]
        if tag == "default":
            self.defaults[self.key] = self.text
        elif tag == "data":
            if self.element and self.key == self.wanted(self.element):
                self.value = self.text
            self.key = ""
        elif tag == "key":
            self.key = ""
        elif tag == "node":
            self.end_node()
        elif tag == "edge":
            self.end_edge()

    def end_node(self) -> None:
        if self.number in self.names:
            raise self.wrong("a node's id stands twice", "each id once", "Export it again.")
        key = self.wanted("node")
        name = self.id if key is None else self.value.strip()
        self.names[self.number] = name
        self.element = ""

    def end_edge(self) -> None:
        key = self.wanted("edge")
        if key is None:
            self.weight.append(1.0)
        else:
            text = (self.value or self.defaults.get(key, "")).strip()
            try:
                self.weight.append(float(text))
            except ValueError as error:
                raise self.wrong(
                    f"the weight {text!r} of an edge is not a number" if text else "no weight",
                    "a weight, with a decimal point",
                    "Correct the file, or read it without weights.",
                ) from error
        self.element = ""

    def rows(self) -> EdgeRows:
        """Give the edges, with the names of their nodes."""
        lines = self.line
        source = np.array(self.source, dtype=np.int32)
        target = np.array(self.target, dtype=np.int32)
        ids = self.ids.names
        unknown = [code for code in range(len(ids)) if code not in self.names]
        if unknown:
            row = int(np.argmax(np.isin(source, unknown) | np.isin(target, unknown)))
            raise self.wrong(
                f"no node has the id {ids[unknown[0]]!r}",
                "edges between nodes of this file",
                "Export the network again.",
                lines[row],
            )
        # Two nodes of one name are one gene.
        names = NameCodes()
        gene = np.array([names.code(self.names[i]) for i in range(len(ids))], dtype=np.int32)
        weight = np.array(self.weight, dtype=np.float64)
        return EdgeRows(
            self.path,
            names.names,
            gene[source] if len(source) else source,
            gene[target] if len(target) else target,
            weight,
            lambda row: f"line {lines[row]}",
        )
