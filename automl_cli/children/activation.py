"""Activation functions of `values.activation` as functions of arrays."""

