"""Layers and optimizers, each written once against the Machine. Importing this package registers all of them."""

from accelsim.layers.adamw import AdamW
from accelsim.layers.attention import MultiHeadAttention
from accelsim.layers.batch_norm import BatchNorm
from accelsim.layers.class_token import ClassToken
from accelsim.layers.concat import Concat
from accelsim.layers.conv2d import Conv2d
from accelsim.layers.dropout import Dropout
from accelsim.layers.embedding import Embedding
from accelsim.layers.flatten import Flatten
from accelsim.layers.gated import Gated
from accelsim.layers.gelu import Gelu
from accelsim.layers.layer import LAYERS, Backward, Layer, LayerField, Layers
from accelsim.layers.layer_norm import LayerNorm
from accelsim.layers.linear import Linear
from accelsim.layers.loss import Loss, LossField, softmax_cross_entropy
from accelsim.layers.optimizer import OPTIMIZERS, Optimizer, OptimizerField
from accelsim.layers.pool import AveragePool2d, GlobalAveragePool, MaxPool2d
from accelsim.layers.positional_embedding import PositionalEmbedding
from accelsim.layers.recompute import Recompute
from accelsim.layers.relu import Relu
from accelsim.layers.repeat import Repeat
from accelsim.layers.residual import Residual
from accelsim.layers.rms_norm import RmsNorm
from accelsim.layers.sequence import LayerError, run
from accelsim.layers.sgd import Sgd
from accelsim.layers.silu import Silu
from accelsim.layers.tokens import MeanToken, SelectToken, Tokens
from accelsim.layers.unembedding import Unembedding

__all__ = [
    "LAYERS",
    "OPTIMIZERS",
    "AdamW",
    "AveragePool2d",
    "Backward",
    "BatchNorm",
    "ClassToken",
    "Concat",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "Gated",
    "Gelu",
    "GlobalAveragePool",
    "Layer",
    "LayerError",
    "LayerField",
    "LayerNorm",
    "Layers",
    "Linear",
    "Loss",
    "LossField",
    "MaxPool2d",
    "MeanToken",
    "MultiHeadAttention",
    "Optimizer",
    "OptimizerField",
    "PositionalEmbedding",
    "Recompute",
    "Relu",
    "Repeat",
    "Residual",
    "RmsNorm",
    "SelectToken",
    "Sgd",
    "Silu",
    "Tokens",
    "Unembedding",
    "run",
    "softmax_cross_entropy",
]
