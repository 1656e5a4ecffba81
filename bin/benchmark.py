"""Times this code beside others that compute the same, on this machine.

    python bin/benchmark.py --case=train_step --arch=vgg --peers=torch,torch_compile --json=vgg.json
    python bin/benchmark.py --case=forward --arch=paper --peers=torch,onnxruntime,openvino
    python bin/benchmark.py --case=pipeline --data=data/lsp,data/lspet

The script itself is cpm/cli/benchmark.py.
"""

from cpm.cli import benchmark
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(benchmark)
