# SPDX-License-Identifier: Apache-2.0
w_plain() { "$BIN"; }
