# SPDX-License-Identifier: Apache-2.0
# Without a network: what it does on the machine, and how it fails.
export GH_NO_UPDATE_NOTIFIER=1
for name in repo terminal; do TAGS[$name]=exec; done
w_version() { "$BIN" version | cut -d ' ' -f 1-2 | sed -n 1p; "$BIN" help | sed -n 1p; "$BIN" nonsense > /dev/null 2>&1; echo $?; }
w_config() { "$BIN" config set editor true; "$BIN" config get editor; "$BIN" config list | wc -l; "$BIN" alias set x 'version' > /dev/null 2>&1; "$BIN" alias list 2> /dev/null; "$BIN" x | wc -l; "$BIN" completion -s bash | wc -l; }
w_auth() { "$BIN" auth status > /dev/null 2>&1; echo $?; "$BIN" repo list > /dev/null 2>&1; echo $?; GH_TOKEN=x GH_HOST=127.0.0.1:1 timeout 10 "$BIN" api / > /dev/null 2>&1; echo $?; echo x | GH_HOST=nowhere.invalid timeout 10 "$BIN" auth login --with-token -h nowhere.invalid > /dev/null 2>&1; echo $?; }
w_repo() { git init -q .; git remote add origin https://nowhere.invalid/a/b; GH_TOKEN=x timeout 10 "$BIN" issue list > /dev/null 2>&1; echo $?; timeout 10 "$BIN" pr status > /dev/null 2>&1; echo $?; }
w_terminal() { on_terminal "$BIN help"; echo $?; }
w_extension() { "$BIN" extension list; echo $?; "$BIN" extension create x > /dev/null 2>&1; echo $?; }
TAGS[extension]=exec
