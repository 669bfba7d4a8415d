"""Reports: well-formed, self-contained, complete where there are figures and silent where there are none."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure

from biosig.evaluation.metrics import classification_report
from biosig.evaluation.report import Picture, write_report
from biosig.records.paper import Sheet

VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """What a page holds; fails where a tag is closed that is not open."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.said = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.said.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(self.said)


def metrics():
    """Two subjects, three classes, of which nobody has the third."""
    truth = list("NNNNVV" + "NNNVVV")
    guess = list("NNNVVV" + "NNNNVV")
    probs = np.array([[0.8 if label == one else 0.1 for label in "NVF"] for one in guess])
    return classification_report(truth, probs, ["p1"] * 6 + ["p2"] * 6, list("NVF"), draws=50)


def detected():
    return {
        "classes": {"N": {"sensitivity": 0.5, "ppv": 0.25, "f1": 1 / 3, "support": 7, "ci95": {"f1": [0.1, 0.6]}}},
        "macro_f1": 0.123,
        "qrs": {"sensitivity": 0.9987, "positive_predictivity": 0.9975, "false_negatives": 3, "false_positives": 4},
        "confusion": {"rows": ["N", "O"], "columns": ["n", "o"], "matrix": [[7, 3], [4, 0]]},
    }


@pytest.fixture
def write(tmp_path):
    def written(**given):
        path = tmp_path / "report.html"
        write_report(path, **{"title": "Test", "metrics": {}, "provenance": {}, **given})
        assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
        return path.read_text(encoding="utf-8")

    return written


def full(write):
    return write(
        title="ECG beats",
        metrics=metrics() | {"detected": detected(), "protocol": {"split": "by subject"}},
        provenance={"database": "MIT-BIH", "records": ["100", "103"], "decision_delay_s": 0.6, "seeds": [0, 1]},
        gallery=[Picture(Sheet(30, 20), "Record 100 at 0:07")],
        label_names={"V": "ventricular ectopic"},
    )


def test_every_tag_is_closed_in_order(write):
    page = Page(full(write))
    assert [attributes["lang"] for attributes in page.all("html")] == ["en"]
    assert len(page.all("h1")) == len(page.all("main")) == 1


def test_nothing_is_fetched_from_outside(write):
    text = full(write)
    for attributes in (attributes for _, attributes in Page(text).tags):
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert re.match(r"data:image/png;base64,|#", attributes.get(name) or "#")
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", text)
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_every_section_is_there_and_linked(write):
    page = Page(full(write))
    anchors = [attributes["href"] for attributes in page.all("a")]
    headings = [f"#{attributes['id']}" for attributes in page.all("h2")]
    assert anchors == headings
    assert headings == ["#" + name for name in
        ("classes", "confusion", "detected", "spread", "subjects", "curves", "gallery", "protocol")
    ]  # fmt: skip


def test_ids_are_unique(write):
    ids = [attributes["id"] for _, attributes in Page(full(write)).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_figures_are_printed_with_their_intervals(write):
    page = Page(full(write))
    assert "0.123" in page.text
    assert "0.10 to 0.60" in page.text
    assert "sensitivity 99.87 % and positive predictivity 99.75 % (3 false negatives, 4 false positives)" in page.text
    assert "ventricular ectopic" in page.text


def test_what_was_evaluated_is_said_with_units(write):
    text = full(write)
    assert "<dt>decision delay</dt><dd>0.6 s</dd>" in text
    assert "<dt>records</dt><dd>100, 103</dd>" in text


def test_it_says_research_use_only_at_the_top_and_at_the_end(write):
    assert Page(write()).text.count("Research use only") == 2


def test_missing_figures_leave_their_section_out(write):
    page = Page(write(metrics={"macro_f1": 0.5, "ci95": {"macro_f1": None}}))
    assert page.all("h2") == []
    assert "0.500" in page.text


PARTS = ("classes", "ci95", "confusion", "subjects", "patient_mean", "without_top_patient", "curves")


@pytest.mark.parametrize("left_out", PARTS)
def test_any_one_part_may_be_missing(write, left_out):
    figures = metrics() | {"detected": detected()}
    del figures[left_out]
    Page(write(metrics=figures))


def test_undefined_figures_are_a_dash(write):
    undefined = {"sensitivity": None, "ppv": None, "f1": None, "support": 0, "auroc": None, "ci95": None}
    text = write(metrics={"classes": {"F": undefined}, "macro_f1": None})
    assert "<strong>–</strong>" in text
    assert text.count("<td>–</td>") == 6
    assert "None" not in Page(text).text


def test_markup_in_names_is_text(write):
    nasty = "<script>alert(1)</script>&\"'"
    text = write(
        title=nasty,
        provenance={nasty: nasty},
        metrics={"classes": {nasty: {"f1": 0.5}}, "protocol": {nasty: nasty}, "subjects": {nasty: {"n": 1}}},
        gallery=[(Sheet(30, 20), nasty)],
        label_names={nasty: nasty},
    )
    assert len(Page(text).all("script")) == 1
    assert nasty in Page(text).text


def test_pictures_have_a_text_and_a_size(write):
    png = Sheet(25.4, 50.8).to_png(dpi=100)
    page = Page(write(gallery=[Picture(png, "a caption", "what it shows"), (Figure(figsize=(1, 1)), "only a caption")]))
    first, second = page.all("img")
    assert (first["alt"], first["width"], first["height"]) == ("what it shows", "100", "200")
    assert second["alt"] == "only a caption"


def test_charts_have_a_text_and_take_the_colour_of_the_page(write):
    text = full(write)
    charts = Page(text).all("svg")
    assert len(charts) == 2
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in charts)
    assert "#1b1f24" not in "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))


def test_the_subject_table_can_be_sorted_by_value(write):
    text = full(write)
    table = text[text.index('id="subjects"') :]
    assert table.count('<button type="button">') == 6
    assert re.search(r'<th scope="row" data-value="p1">p1</th><td data-value="6">6</td>', table)


def test_a_picture_that_is_none_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="matplotlib figure or the bytes of a PNG"):
        write_report(tmp_path / "r.html", title="t", metrics={}, provenance={}, gallery=[Picture(b"GIF89a", "no")])
    assert not list(tmp_path.iterdir())
