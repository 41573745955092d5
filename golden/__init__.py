"""Golden models, compiler and pruning of CSB-RNN; see docs/architecture.md."""
