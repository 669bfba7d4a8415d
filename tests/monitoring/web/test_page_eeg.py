"""The page's view of a brain: stacked channels, montages, bands and spectrum."""

import math

import pytest

TEN_TWENTY = ["Fp1", "Fp2", "F3", "F4", "F7", "F8", "T3", "T4", "C3", "C4", "T5", "T6", "P3", "P4", "O1", "O2"]
TEN_TWENTY += ["Fz", "Cz", "Pz"]

LAYOUT = """async ([channels, unit, montage]) => {
  const { settings } = await import('/page/settings.js');
  const { lookOf, isEeg } = await import('/page/looks.js');
  settings.montage = montage;
  const card = { patient: 'x', channels, units: channels.map(() => unit), fs: 250 };
  const { secondPx, tracks } = lookOf(card, { heightMm: 120 }).layout(900, { card });
  return { eeg: isEeg(card), secondPx, perMillivolt: tracks[0].perMillivolt, names: tracks.map((track) => track.name) };
}"""


def test_several_channels_in_microvolts_are_an_eeg_at_30_mm_per_second(screen):
    window = screen()
    found = window.evaluate(LAYOUT, [TEN_TWENTY, "uV", "recorded"])
    assert found["eeg"]
    assert found["names"] == TEN_TWENTY
    assert math.isclose(found["secondPx"], 30 * 96 / 25.4)
    assert math.isclose(found["perMillivolt"], 1000 / 7 * 96 / 25.4)
    assert not window.evaluate(LAYOUT, [["MLII", "V1"], "mV", "recorded"])["eeg"]
    assert not window.evaluate(LAYOUT, [["MLII"], "uV", "recorded"])["eeg"]


@pytest.mark.parametrize("newer", [False, True])
def test_the_bipolar_montage_has_the_eighteen_pairs_of_the_double_banana(screen, newer):
    names = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"} if newer else {}
    channels = [names.get(name, name) for name in TEN_TWENTY]
    found = screen().evaluate(LAYOUT, [channels, "uV", "bipolar"])["names"]
    assert len(found) == len(set(found)) == 18
    assert found[:4] == [f"{names.get(a, a)}-{names.get(b, b)}" for a, b in (
        ("Fp1", "F7"), ("F7", "T3"), ("T3", "T5"), ("T5", "O1")
    )]  # fmt: skip


def test_channels_that_no_montage_knows_are_shown_as_recorded(screen):
    assert screen().evaluate(LAYOUT, [["A", "B"], "uV", "bipolar"])["names"] == ["A", "B"]


RING = """
  const { Ring } = await import('/page/ring.js');
  const fs = 250, n = 4 * fs;
  const card = { patient: 'x', channels: ['C3', 'C4'], units: ['uV', 'uV'], fs };
  const ring = new Ring(card);
  const samples = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    samples[i] = 30 * Math.sin(2 * Math.PI * hz * i / fs);
    samples[n + i] = 10 * Math.sin(2 * Math.PI * hz * i / fs);
  }
  ring.add({ start_s: 0, shape: [2, n], reset: false }, samples);
"""


@pytest.mark.parametrize(("hz", "band"), [(2.0, 0), (6.0, 1), (10.0, 2), (20.0, 3)])
def test_an_oscillation_is_found_in_its_band(screen, hz, band):
    shares = screen().evaluate(
        f"""async (hz) => {{ {RING}
          const {{ Spectra }} = await import('/page/spectra.js');
          const spectra = new Spectra({{ card, ring }});
          for (let i = 0; i < 8; i++) spectra.draw(4);
          return spectra.bars.map((bar) => parseFloat(bar.share.textContent));
        }}""",
        hz,
    )
    assert shares[band] >= 95
    assert sum(shares) == pytest.approx(100, abs=2)


def test_rows_of_a_montage_are_differences(screen):
    """30 uV and 10 uV in phase: 20 uV between them, 10 uV from their average. The high-pass at 0.5 Hz passes 10 Hz."""
    amplitudes = screen().evaluate(
        f"""async (hz) => {{ {RING}
          const largest = (read) => Math.max(...Array.from({{ length: fs }}, (_, i) => read(ring.end - fs + i)));
          return [[0, null], [0, 1], [0, 'average']].map((row) => 1000 * largest(ring.reader(...row)));
        }}""",
        10.0,
    )
    assert amplitudes == pytest.approx([30.0, 20.0, 10.0], rel=0.02)


@pytest.mark.parametrize("unit", ["mV", "uV"])
@pytest.mark.parametrize("theme", ["strip", "strip night"])
def test_ecg_and_eeg_are_drawn_in_the_colours_of_where_they_stand(screen, unit, theme):
    ink, drawn, fine, coarse, lines = screen().evaluate(
        f"""async ([unit, theme]) => {{ const hz = 1; {RING}
          const {{ Sweep }} = await import('/page/sweep.js');
          const {{ lookOf }} = await import('/page/looks.js');
          const {{ colourAt, el }} = await import('/page/dom.js');
          card.units = [unit, unit];
          const host = el('div', {{ class: theme, style: 'width: 600px' }});
          document.body.append(host);
          const sweep = new Sweep(host, {{ card, ring, marks: [], scores: false }}, lookOf(card, {{ heightMm: 42 }}));
          sweep.draw(3.5);
          const solid = (canvas) => {{
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            const at = Array.from({{ length: pixels.length / 4 }}, (_, i) => 4 * i).filter((i) => pixels[i + 3] > 128);
            return [...new Set(at.map((i) => [...pixels.slice(i, i + 3)].join()))];
          }};
          const canvas = el('canvas');
          const asPixel = (name) => {{
            const context = canvas.getContext('2d');
            context.fillStyle = colourAt(host)(name);
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)].join();
          }};
          const [paper, trace] = host.children;
          return [asPixel('--ink'), solid(trace), asPixel('--fine'), asPixel('--coarse'), solid(paper)];
        }}""",
        [unit, theme],
    )
    assert any(near(ink, one) for one in drawn)
    assert any(near(fine, one) or near(coarse, one) for one in lines)


def near(one, other):
    """Alike but for what half-transparent pixels lose in eight bits."""
    pairs = zip(one.split(","), other.split(","), strict=True)
    return all(abs(int(a) - int(b)) <= 2 for a, b in pairs)
