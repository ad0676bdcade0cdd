"""Noise that is made of no recording: Gaussian, of any spectrum and course, chopped as by a rotor, and engines."""

import numpy as np

from separator.audio.mixing import SILENCE_RMS, at_ratio, root_mean_square
from separator.data.channel import EQUALISER_HZ, filter_by_gains

NOISE_GAIN_DB = 10.0
"""Range of the gains of varied noise over frequency: plus or minus so much."""

MADE_TILT_DB = 6.0
"""Steepest fall of the spectrum of made noise, in dB an octave."""

CHOPS_HZ, DEEPEST_CHOP_DB = (2.0, 40.0), 30.0
"""How often a made rotor passes, as wheels over the joints of rails and a helicopter's blades do, and how far the level
falls between two passes, at most."""

ENGINE_HZ, MOST_HARMONICS = (15.0, 400.0), 40
"""Range of the fundamental of a made engine, and how many of its harmonics are made at most."""


def made_noise(num_samples: int, sample_rate: int, random: np.random.Generator) -> np.ndarray:
    """Draw Gaussian noise, at times chopped or with an engine, of a random spectrum and a level that may change.

    Shape:
        `(num_samples,)` float32 within ±1.
    """
    hertz = np.array(EQUALISER_HZ)
    tilt = random.uniform(-MADE_TILT_DB, MADE_TILT_DB / 4) * np.log2(hertz / hertz[0])
    gains = tilt + random.uniform(-NOISE_GAIN_DB, NOISE_GAIN_DB, len(hertz))
    noise = random.standard_normal(num_samples).astype(np.float32)
    if random.random() < 0.4:
        noise = _chopped(noise, sample_rate, random)
    if random.random() < 0.5:
        engine = _made_engine(num_samples, sample_rate, random)
        noise = engine + at_ratio(noise, root_mean_square(engine), float(random.uniform(-5, 30)))
    noise = filter_by_gains(noise, hertz, gains, sample_rate)
    if random.random() < 0.5:
        levels_db = _wander(num_samples, sample_rate, random, -25, 0)
        noise = noise * 10 ** (levels_db / 20).astype(np.float32)
    return noise / np.float32(max(np.abs(noise).max(), SILENCE_RMS))


def _chopped(noise: np.ndarray, sample_rate: int, random: np.random.Generator) -> np.ndarray:
    """Let the level of `(T,)` noise rise and fall many times a second, at one wandering frequency."""
    frequency = _wandering_hz(len(noise), sample_rate, random, CHOPS_HZ)
    turns = np.cumsum(frequency / sample_rate) + random.random()
    sharpness = 2 ** random.uniform(0, 4)
    passing = (0.5 + 0.5 * np.cos(2 * np.pi * turns)) ** sharpness
    between = 10 ** (-random.uniform(3, DEEPEST_CHOP_DB) / 20)
    return (noise * (between + (1 - between) * passing)).astype(np.float32)


def _made_engine(num_samples: int, sample_rate: int, random: np.random.Generator) -> np.ndarray:
    """Draw harmonics of one wandering frequency, `(num_samples,)` float32 of unit level or less."""
    fundamental = _wandering_hz(num_samples, sample_rate, random, ENGINE_HZ)
    turns = np.cumsum(fundamental / sample_rate) + random.random()
    if random.random() < 0.5:  # all harmonics alike: one pulse in each turn, at a place that jitters
        jitter = random.uniform(0, 0.2) * random.standard_normal(int(turns[-1]) + 2)
        places = np.searchsorted(turns, np.arange(1, int(turns[-1]) + 1) + jitter[: int(turns[-1])])
        engine = np.zeros(num_samples)
        engine[np.clip(places, 0, num_samples - 1)] = 1.0
        return (engine / max(engine.std(), SILENCE_RMS)).astype(np.float32)
    highest = max(1, min(MOST_HARMONICS, int(sample_rate / 2 / fundamental.max())))
    numbers = 1 + np.flatnonzero(random.random(highest) < random.uniform(0.2, 1))
    engine = np.zeros(num_samples)
    for number in numbers if len(numbers) else (1,):
        engine += random.standard_normal() * np.sin(2 * np.pi * (number * turns + random.random()))
    return (engine / max(engine.std(), SILENCE_RMS)).astype(np.float32)


def _wandering_hz(
    num_samples: int, sample_rate: int, random: np.random.Generator, hertz: tuple[float, float]
) -> np.ndarray:
    """Draw a frequency of a range and let it wander up by half an octave at most, `(num_samples,)` Hz."""
    lowest = hertz[0] * (hertz[1] / hertz[0]) ** random.random()
    range_octaves = float(random.uniform(0, 0.5))
    return np.asarray(lowest * 2 ** _wander(num_samples, sample_rate, random, 0, range_octaves))


def _wander(
    num_samples: int, sample_rate: int, random: np.random.Generator, lowest: float, highest: float
) -> np.ndarray:
    """Draw a line that goes up and down between two values, half a time to eight times a second."""
    knots = 2 + round(num_samples / sample_rate * 2 ** random.uniform(-1, 3))
    values = random.uniform(lowest, highest, knots)
    return np.interp(np.linspace(0, 1, num_samples), np.linspace(0, 1, knots), values)
