# SPDX-License-Identifier: Apache-2.0
TAGS[install]=exec TAGS[run]=exec TAGS[dump]=exec TAGS[uninstall]=exec TAGS[validate]=exec TAGS[add]=exec TAGS[parallel]=exec
TAGS[fails]=exec TAGS[script]=exec TAGS[terminal]=exec TAGS[no_repo]=exec

repo() {
  git init -q . && git config user.email a@b && git config user.name n
  cat > lefthook.yml <<'EOF'
pre-commit:
  parallel: true
  commands:
    one: { run: "cat {staged_files} > one.out" , glob: "*.txt" }
    two: { run: "echo two > two.out" }
  scripts:
    "check.sh": { runner: bash }
pre-push:
  commands:
    bad: { run: "exit 3" }
EOF
  mkdir -p .lefthook/pre-commit && echo 'echo script > three.out' > .lefthook/pre-commit/check.sh
  echo text > a.txt && git add a.txt
}
outs() { head -50 ./*.out 2> /dev/null; }

w_version() { "$BIN" version; }
w_help() { "$BIN" --help; }
w_completion() { "$BIN" completion bash | cksum; }
w_no_repo() { "$BIN" run pre-commit > /dev/null 2>&1; echo "status $?"; }
w_install() { repo; "$BIN" install > /dev/null 2>&1; echo $?; ls .git/hooks | grep -v sample; }
w_run() { repo; "$BIN" run pre-commit > log 2>&1; echo $?; outs; }
w_parallel() { repo; LEFTHOOK_VERBOSE=1 "$BIN" run pre-commit --force --all-files > log 2>&1; echo $?; outs; }
w_fails() { repo; "$BIN" run pre-push > log 2>&1; echo $?; }
w_script() { repo; "$BIN" run pre-commit --no-tty > log 2>&1; echo $?; outs; }
w_dump() { repo; "$BIN" dump; }
w_validate() { repo; "$BIN" validate > log 2>&1; echo $?; }
w_add() { repo; "$BIN" add -d commit-msg > log 2>&1; echo $?; ls .lefthook; }
w_uninstall() { repo; "$BIN" install > log 2>&1; "$BIN" uninstall > log 2>&1; echo $?; }
w_terminal() { repo; on_terminal "$BIN run pre-commit"; echo $?; outs; }
