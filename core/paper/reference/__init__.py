"""What others measured: the paper's published points and tables, and the report's numbers.

- `paper`: Zhang, Bengio, Hardt, Recht, Vinyals, *Understanding deep learning requires rethinking
  generalization*, ICLR 2017 (arXiv:1611.03530).
- `report`: a student reproduction of it (EPFL EE-411, February 2024).
"""
