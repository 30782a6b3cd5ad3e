"""The probe as Deng et al. call it in scikit-learn, and made embeddings to try it on."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV


def like_embeddings(rng, rows, dim, scale=1.0):
    """Return float32 (rows, dim), never negative, of decaying variance, and bool classes that overlap."""
    positive = np.arange(rows) < rows // 3
    spread = np.arange(1, dim + 1) ** -0.5
    latent = rng.standard_normal((rows, dim)) * spread
    latent[positive] += 0.5 * spread * rng.standard_normal(dim)
    return np.maximum(scale * (latent + 0.2), 0).astype(np.float32), positive


def published_search(embeddings, positive, cv=3, **options):
    """Return GridSearchCV as Deng et al. call it."""
    model = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=42, **options)
    search = GridSearchCV(model, {"C": np.logspace(-8, 3, 12)}, cv=cv, scoring="roc_auc")
    return search.fit(embeddings.astype(np.float64), positive)
