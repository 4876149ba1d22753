# SPDX-License-Identifier: Apache-2.0
KEY=AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX
TO=age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj

w_version() { "$BIN" --version > /dev/null; echo $?; }
w_help() { "$BIN" --help 2>&1; }
w_round() { echo "$KEY" > key; echo secret > in; "$BIN" -r $TO -o out in && "$BIN" -d -i key out; }
w_armor() { echo "$KEY" > key; echo secret | "$BIN" -a -r $TO > out && head -1 out && "$BIN" -d -i key < out; }
w_big() { echo "$KEY" > key; head -c 3000000 /dev/zero | "$BIN" -r $TO | "$BIN" -d -i key | cksum; }
w_recipients() { echo $TO > list; echo x | "$BIN" -R list | wc -c; }
w_wrong_key() { echo x | "$BIN" -r age1nobody; echo $?; }
w_passphrase() { echo secret > in; (sleep 1; echo pass; sleep 0.5; echo pass; sleep 2) | on_terminal "$BIN -p -o out in"; head -c 21 out; }
