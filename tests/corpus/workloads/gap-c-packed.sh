# SPDX-License-Identifier: Apache-2.0
TAGS[plain]=exec
w_plain() { "$BIN"; }
