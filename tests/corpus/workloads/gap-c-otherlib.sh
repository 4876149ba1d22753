# SPDX-License-Identifier: Apache-2.0
w_two() { "$BIN"; DAY=162 "$BIN"; }
