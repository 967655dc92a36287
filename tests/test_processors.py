"""Test that no result of the book depends on the number of processors."""

import os
from pathlib import Path

import pytest

from renderer.tests.support.books import SmallBook
from renderer.tests.support.processors import digests_by_processors

ROOT = Path(__file__).resolve().parent.parent

SETUP = "from funs import *\nimport numpy as np\nset_seed()"
USERS = {
    "numpy": "x = rng.random((400, 400))\nout = x @ x.T",
    "numpy's LAPACK": "out = np.linalg.svd(rng.random((400, 300)))[1]",
    "torch": "import torch\nx = torch.from_numpy(rng.random((300, 3000))).float()\n"
    "out = torch.nn.functional.linear(x, x).numpy()",
    "torch's oneDNN": "layer = torch.nn.Conv2d(1, 8, 3)\n"
    "layer(torch.rand(25, 1, 60, 80)).square().mean().backward()\n"
    "out = layer.weight.grad.numpy()",
    "scikit-learn's PCA": "from sklearn.decomposition import PCA\n"
    "out = PCA(9, random_state=0).fit_transform(rng.random((400, 300)))",
    "scikit-learn": "from sklearn.linear_model import LogisticRegression\n"
    "x = rng.random((600, 40))\ny = (x[:, 0] > 0.5).astype(int)\n"
    "out = LogisticRegression().fit(x, y).coef_",
    "gensim": "from gensim.models import Word2Vec\n"
    "texts = [[f'w{i}' for i in rng.integers(0, 50, 30)] for _ in range(100)]\n"
    "out = Word2Vec(texts, vector_size=20, seed=14, workers=1).wv.vectors",
}


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one processor")
def test_results_do_not_depend_on_the_number_of_processors(tmp_path):
    """Every library that uses BLAS or OpenMP returns the same bytes on one processor as on all."""
    book = SmallBook(tmp_path / "book")
    book.write("funs.py", (ROOT / "funs.py").read_text(encoding="utf-8"))
    one, all_of_them = digests_by_processors(book, SETUP, USERS)
    assert len(one) == len(USERS)
    assert one == all_of_them
