#!/usr/bin/env bash
# ONNX's reference evaluator is no reference for AlexNet's layers.
#
# Guess:    onnx.reference is slow but defines what an operator computes; where it and ONNX Runtime
#           differ, the runtime is at fault.
# Happens:  three layers of older convolutional networks differ, and the operators' own text agrees
#           with the runtime:
#           - LRN normalises only as many channels as the *batch* has images: the loop over channels
#             runs over x.shape[0]. Two images of eight channels leave channels 3 to 8 as they were.
#           - MaxPool with auto_pad=SAME_LOWER gives 4 x 4 from 9 x 9 at stride 2; the operator's
#             formula, like SAME_UPPER, gives 5 x 5.
#           - Softmax of a model of opset 11 or older goes over the last axis; up to opset 12 the
#             default is axis 1, with all further axes flattened into it.
# Version:  onnx 1.23.2, onnxruntime 1.32.0; 2026-11-28.
# Source:   op_lrn.py, _op_common_pool.py and op_softmax.py in onnx/reference/ops; ONNX's
#           Operators.md (LRN, MaxPool) and Changelog.md (Softmax-11).
# Follows:  judge an exported network by the framework it came from. The reference's LRN is right only
#           where the batch has as many images as the layer has channels.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 \
    numpy==2.4.6

venv/bin/python - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def both(operator, images, opset=20, **attributes):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy")
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"], **attributes)], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return ReferenceEvaluator(model).run(None, {"x": images})[0], session.run(None, {"x": images})[0]


print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
rng = np.random.default_rng(0)
images = rng.normal(size=(2, 8, 9, 9)).astype("float32")

reference, runtime = both("LRN", images, size=5, alpha=0.5, beta=0.75, bias=1.0)
wrong = [c for c in range(8) if not np.allclose(reference[:, c], runtime[:, c], atol=1e-5)]
print(f"LRN      expected all 8 channels equal; different: {wrong}")
untouched = [c for c in range(8) if np.array_equal(reference[:, c], images[:, c])]
print(f"         channels that the reference returns unchanged: {untouched}")
held = wrong == untouched == [2, 3, 4, 5, 6, 7]
square = rng.normal(size=(8, 8, 3, 3)).astype("float32")
held &= np.allclose(*both("LRN", square, size=5, alpha=0.5, beta=0.75, bias=1.0), atol=1e-5)

reference, runtime = both("MaxPool", images, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER")
print(f"MaxPool  expected 5 x 5; reference {reference.shape[2:]}, runtime {runtime.shape[2:]}")
held &= reference.shape[2:] == (4, 4) and runtime.shape[2:] == (5, 5)

scores = rng.normal(size=(2, 3, 4)).astype("float32")
reference, runtime = both("Softmax", scores, opset=11)
print(f"Softmax-11 expected a sum of 1 for each example; reference {reference.sum((1, 2)).round(3)}, "
      f"runtime {runtime.sum((1, 2)).round(3)}")
held &= np.allclose(reference.sum((1, 2)), 3) and np.allclose(runtime.sum((1, 2)), 1)
raise SystemExit(0 if held else "no longer as stated")
PYTHON
