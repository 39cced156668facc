"""Packaging: ``data/`` at the top is the package ``sparsedend.data`` when installed."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
EXTRAS = {
    # With NVIDIA's compiler and headers, which a machine with nothing but a driver lacks.
    "cuda12": ["cupy-cuda12x[ctk]>=14"],
    "cuda13": ["cupy-cuda13x[ctk]>=14"],
    "sklearn": ["scikit-learn>=1.6"],
    "analysis": ["openTSNE>=1.0.2", "pandas>=2", "scikit-learn>=1.6", "statsmodels>=0.14.2"],
    "figures": ["matplotlib>=3.8"],
    "images": ["pillow>=10.1"],
    "sweep": ["joblib>=1.5", "distributed>=2024.5"],
    "export": ["onnx>=1.16"],
    "bench": [
        "atheris>=2.3; sys_platform == 'linux'",
        "keras>=3.5",
        "matplotlib>=3.8",
        "mkl>=2024.2",
        "nerva-numpy>=1.0",
        "scikit-learn>=1.5",
        "sparse-dot-mkl>=0.9.5",
        "sparselab>=0.2.2",
        "tensorflow-cpu>=2.18",
        "torch>=2.4",
    ],
    "test": [
        "distributed>=2024.5",
        "hypothesis>=6.100",
        "joblib>=1.5",
        "matplotlib>=3.8",
        "ml-dtypes>=0.4",
        "mypy>=1.11",
        "pandas>=2",
        "onnx>=1.16",
        "onnxruntime>=1.18",
        "openTSNE>=1.0.2",
        "pillow>=10.1",
        "playwright>=1.45",
        "polars>=1",
        "pyarrow>=16",
        "pytest>=8",
        "pytest-xdist>=3.5",
        "ruff>=0.6",
        "scikit-learn>=1.6",
        "statsmodels>=0.14.2",
        "zarr>=2.18",
    ],
}

setup(
    name="sparsedend",
    version=runpy.run_path(str(HERE / "sparsedend/version.py"))["__version__"],
    description="Dendritic neural networks, trained on the connections that exist",
    long_description=(HERE / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    author="the sparsedend developers",
    license_expression="BSD-3-Clause",
    license_files=["LICENSE"],
    keywords="dendrites neural-networks sparse CSR NumPy Numba CUDA CuPy",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=[*find_packages(include=["sparsedend*"]), "sparsedend.data"],
    package_dir={"sparsedend.data": "data"},
    package_data={
        "sparsedend": ["py.typed", "backends/gpu/kernels/*", "report/page.*", "report/sort.js"],
        "sparsedend.data": ["digits.h5"],
    },
    install_requires=[
        "click>=8.2",
        "h5py>=3.10",
        "numba>=0.60",
        "numpy>=1.26",
        "pooch>=1.8",
        "scipy>=1.12",
        "threadpoolctl>=3.4",
        "tomli>=2; python_version < '3.11'",
        "tqdm>=4.66",
    ],
    extras_require={
        **EXTRAS,
        # One GPU toolkit at most fits a machine: everything but cupy and torch's gigabytes.
        "all": [
            requirement
            for name, requirements in EXTRAS.items()
            if name not in ("cuda12", "cuda13", "bench")
            for requirement in requirements
        ],
    },
    entry_points={"console_scripts": ["sparsedend = sparsedend.cli.main:main"]},
)
