"""What data sets of an HDF5 file take to be read, checked before HDF5 believes them.

A data set may come in chunks, each of which goes through filters and is unpacked as a whole. HDF5
allocates for a chunk whatever its filter yields, and unpacks it again for every read unless it fits
into a cache. A megabyte of zeros asks for a gigabyte that way, and 260,000 short texts in one chunk
for minutes.

References: "HDF5 File Format Specification" (chunked storage, filter pipeline).
"""

import math
import zlib
from typing import Any

import h5py

from cpm.array_claims import MOST_BYTES

_CHUNK_BYTES = 1 << 12  # that HDF5 takes for each chunk while it reads; 3.8 kB were measured
_PADDING = 4  # bytes unpacked for each byte that may be read: chunks reach beyond an array's ends
TEXT_BYTES = 1 << 25  # of unpacked chunks of texts, 16 for each text
# Opened with these, a file keeps as many chunks of texts unpacked; the second is a prime number.
CACHE = {"rdcc_nbytes": TEXT_BYTES, "rdcc_nslots": 10_007}
_DEFLATE, _LZF = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF
_PACKERS = {_DEFLATE, _LZF}
_HARMLESS = {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
_CHECKSUM = 4  # bytes of FLETCHER32
_LZF_FACTOR = 89  # LZF yields at most 264 bytes for three
_PIECE = 1 << 20


def hdf5_bytes(dataset: Any, most_bytes: int = MOST_BYTES) -> int:
    """Bytes of memory that reading a data set takes, texts and lists of any length aside.

    Args:
      dataset: `h5py.Dataset`.
      most_bytes: that one chunk of it may have: a filter unpacks a whole chunk at once.

    Raises:
      ValueError: if its values lie in another file, were never written, or come in chunks that
        take more than its values.
    """
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{dataset.name} lies in another file, which is not opened")
    if dataset.shape is None:
        return 0
    size = dataset.size * dataset.dtype.itemsize
    if size and not dataset.id.get_storage_size():
        raise ValueError(f"{dataset.name} claims {size:,} bytes that were never written")
    if dataset.chunks is None:
        return size
    texts = dataset.dtype.hasobject
    # A text takes 16 bytes of its chunk, and h5py counts eight.
    chunk = math.prod(dataset.chunks) * dataset.dtype.itemsize * (2 if texts else 1)
    if chunk > most_bytes:
        raise ValueError(
            f"{dataset.name} comes in chunks of {chunk:,} bytes, at most {most_bytes:,} are read"
        )
    chunks = math.prod(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    total = size + chunks * _CHUNK_BYTES
    if total <= most_bytes:  # otherwise the caller refuses it
        _check_unpacked(dataset, chunks * chunk, TEXT_BYTES if texts else _PADDING * most_bytes)
        _check_chunks(dataset, chunk, most_bytes)
    return total


def _check_unpacked(dataset, unpacked, most):
    """ValueError if all chunks of a data set take more than `most` bytes."""
    if unpacked > most:
        raise ValueError(
            f"{dataset.name} comes in chunks that unpack to {unpacked:,} bytes, at most {most:,} "
            "are read"
        )


def _check_chunks(dataset, chunk, most_bytes):
    """ValueError if a stored chunk is more than `chunk` bytes, packed or unpacked."""
    stored = []
    dataset.id.chunk_iter(stored.append)
    filters = dataset.id.get_create_plist()
    kinds = [filters.get_filter(n)[0] for n in range(filters.get_nfilters())]
    if unknown := [kind for kind in kinds if kind not in _PACKERS and kind not in _HARMLESS]:
        raise ValueError(f"{dataset.name} is packed by HDF5's filter {unknown[0]}, not by gzip")
    packers = [n for n, kind in enumerate(kinds) if kind in _PACKERS]
    if len(packers) > 1:
        raise ValueError(f"{dataset.name} is packed {len(packers)} times")
    for info in stored:
        # What cannot be packed becomes a little longer.
        if info.size > chunk + chunk // 16 + 1024:
            raise ValueError(
                f"{dataset.name} has a chunk of {info.size:,} bytes for {chunk:,} bytes of values"
            )
        if packers and not info.filter_mask >> packers[0] & 1:
            if kinds[packers[0]] == _DEFLATE:
                _check_inflated(dataset, info, chunk)
            elif info.size * _LZF_FACTOR > max(most_bytes, _PIECE):
                raise ValueError(f"{dataset.name} has a chunk of {info.size:,} bytes of LZF")


def _check_inflated(dataset, info, chunk):
    """ValueError if a chunk unpacks to more bytes than its values have."""
    _, content = dataset.id.read_direct_chunk(info.chunk_offset)
    unpacker, found = zlib.decompressobj(), 0
    while content and not unpacker.eof:
        found += len(unpacker.decompress(content, _PIECE))
        if found > chunk + _CHECKSUM:
            raise ValueError(
                f"{dataset.name} has a chunk that unpacks to more than the {chunk:,} bytes of its "
                "values"
            )
        content = unpacker.unconsumed_tail
