# SPDX-License-Identifier: Apache-2.0
# The client alone: against no daemon, and against one that is made up. `exec` where it asks its plugins what they are.
TAGS[help]=exec TAGS[build_help]=exec TAGS[info]=exec TAGS[plugins]=exec TAGS[build]=exec TAGS[ssh]=exec TAGS[creds]=exec
TAGS[terminal]=exec TAGS[run]=exec

NOWHERE=unix:///nonexistent/docker.sock
# with_daemon COMMAND...: runs docker against fakeapi.
with_daemon() {
  mkfifo hold; "$CORPUS/bin/fakeapi" addr "$PWD/sock" < hold & exec 8> hold
  until_true test -e addr
  DOCKER_HOST=unix://$PWD/sock "$@"
  echo "status $?"
  exec 8>&-
}

w_version() { DOCKER_HOST=$NOWHERE "$BIN" version; echo "status $?"; }
w_v() { "$BIN" --version; }
w_help() { "$BIN" --help | sed -n '1,20p'; }
w_build_help() { "$BIN" build --help > /dev/null; echo $?; }
w_plugins() { "$BIN" no-such-command 2> /dev/null; echo $?; }
w_no_daemon() { DOCKER_HOST=$NOWHERE "$BIN" ps; echo "status $?"; }
w_no_tcp() { DOCKER_HOST=tcp://127.0.0.1:1 "$BIN" ps; echo "status $?"; }
w_no_name() { DOCKER_HOST=tcp://nowhere.invalid:2375 timeout 20 "$BIN" ps > /dev/null 2>&1; echo "status $?"; }
w_ssh() { DOCKER_HOST=ssh://127.0.0.1:1 timeout 20 "$BIN" ps > /dev/null 2>&1; echo "status $?"; }
w_context() {
  "$BIN" context create field --docker host=tcp://127.0.0.1:1 2> /dev/null && "$BIN" context use field && "$BIN" context ls --format '{{.Name}}' &&
    "$BIN" context export field out.tar && "$BIN" context import meadow out.tar && "$BIN" context inspect meadow | grep -c tcp && "$BIN" context rm -f field
}
w_bad_config() { mkdir -p conf && echo '{' > conf/config.json; "$BIN" --config conf context ls > /dev/null; echo $?; }
w_completion() { "$BIN" completion bash | cksum; }
w_complete() { "$BIN" __complete image '' 2> /dev/null | cksum; }
w_daemon_version() { with_daemon "$BIN" version; }
w_ps() { with_daemon "$BIN" ps --format '{{.Names}} {{.Image}}'; }
w_images() { with_daemon "$BIN" images --format '{{json .}}' | sed 's/"CreatedSince":"[^"]*"//'; }
w_info() { with_daemon "$BIN" info --format '{{.Name}}'; }
w_inspect() { with_daemon "$BIN" inspect cow; }
w_logs() { with_daemon "$BIN" logs cow; }
w_run() { with_daemon "$BIN" run --rm=false grass eat; }
w_terminal() { with_daemon on_terminal "$BIN run -i grass eat"; }
w_stop() { with_daemon "$BIN" stop cow; }
w_cp_from() { with_daemon "$BIN" cp cow:/f here; cat here; }
w_cp_to() { echo x > up; with_daemon "$BIN" cp up cow:/f; }
w_cp_stream() { with_daemon "$BIN" cp cow:/f - | cksum; }
w_build() {
  mkdir ctx && echo 'FROM scratch' > ctx/Dockerfile && echo '*.tmp' > ctx/.dockerignore && ln -s Dockerfile ctx/link && mkdir ctx/sub && touch ctx/sub/a.tmp
  DOCKER_BUILDKIT=0 with_daemon "$BIN" build -q --no-cache ctx 2>&1 | grep -v -i deprecated
}
w_save() { with_daemon "$BIN" save -o image.tar grass; ls -l image.tar | cut -d' ' -f1; }
w_load() { head -c 100000 /dev/zero > in.tar; with_daemon "$BIN" load -i in.tar; }
w_import() { head -c 1000 /dev/zero | with_daemon "$BIN" import - hay; }
w_events() { with_daemon "$BIN" events --since 1 --until 2 --format '{{.Action}}'; }
w_creds() {
  mkdir -p conf && echo '{"auths": {"127.0.0.1:1": {"auth": "YTpi"}}}' > conf/config.json
  with_daemon "$BIN" --config conf pull 127.0.0.1:1/x > /dev/null 2>&1; echo pass | "$BIN" --config conf login -u a --password-stdin 127.0.0.1:1 > /dev/null 2>&1; echo $?
  "$BIN" --config conf logout 127.0.0.1:1 2> /dev/null; cat conf/config.json
}
w_interrupt() {
  mkfifo hold; "$CORPUS/bin/fakeapi" addr "$PWD/sock" < hold & exec 8> hold
  until_true test -e addr
  DOCKER_HOST=unix://$PWD/sock timeout -s INT 0.1 "$BIN" wait cow > /dev/null 2>&1
  exec 8>&-
}
