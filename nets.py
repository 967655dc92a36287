"""The chapter's two networks, as its cells define them, for the experiments and appendices.

The chapter writes these classes out and explains each line; a test holds this file to it.
"""

from __future__ import annotations

import torch
from torch import nn


class SimpleCNN(nn.Module):
    """Two blocks of convolution, ReLU and max pooling, then two dense layers.

    Maps pictures, float32 (N, 1, 28, 28), to logits, (N, num_classes).
    """

    def __init__(self, num_classes=10):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 128),
            nn.ReLU(),
            nn.Linear(128, num_classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        return self.net(x)


class TextCNN(nn.Module):
    """Word vectors, one convolution over neighbouring words, the maximum of each filter, dense.

    Maps word indices, int64 (N, L), to logits, (N, num_classes). The word vectors are a copy of
    `embedding_matrix`, float32 (V, D), and are frozen.
    """

    def __init__(self, embedding_matrix, num_filters=100, filter_size=3, num_classes=2):
        super().__init__()
        vocab_size, embedding_dim = embedding_matrix.shape
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.embedding.weight = nn.Parameter(embedding_matrix.clone())
        self.embedding.weight.requires_grad = False
        self.conv = nn.Conv1d(
            in_channels=embedding_dim,
            out_channels=num_filters,
            kernel_size=filter_size,
            padding=filter_size // 2,
        )
        self.relu = nn.ReLU()
        self.classifier = nn.Sequential(
            nn.Linear(num_filters, 64),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(64, num_classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        embedded = self.embedding(x).permute(0, 2, 1)
        feature_maps = self.relu(self.conv(embedded))
        return self.classifier(feature_maps.max(dim=2).values)
