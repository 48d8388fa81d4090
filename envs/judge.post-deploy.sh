#!/usr/bin/env bash
# conda-forge's Lua calls its command lua; languages/lua.yaml asks for lua5.4, as Debian calls it.
ln -sf lua "$CONDA_PREFIX/bin/lua5.4"
