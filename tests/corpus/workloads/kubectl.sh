# SPDX-License-Identifier: Apache-2.0
# `exec` where it starts another program: diff, an editor, a plugin, a credential helper.
TAGS[diff]=exec TAGS[plugin]=exec TAGS[credentials]=exec TAGS[edit]=exec

# with_server COMMAND...: runs kubectl against fakeapi.
with_server() {
  mkfifo hold; "$CORPUS/bin/fakeapi" "$PWD/addr" < hold & exec 8> hold
  until_true test -e addr
  "$BIN" config set-cluster c --server="http://$(cat addr)" > /dev/null && "$BIN" config set-context c --cluster=c --user=u > /dev/null &&
    "$BIN" config use-context c > /dev/null
  "$@"
  echo "status $?"
  exec 8>&-
}
manifest() { printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: cow\nspec:\n  containers:\n  - name: c\n    image: grass\n' > pod.yaml; }

w_version() { "$BIN" version --client > /dev/null; echo $?; }
w_help() { "$BIN" --help | cksum; }
w_options() { "$BIN" options | sed -n '1,3p'; }
w_completion() { "$BIN" completion bash | cksum; }
w_config() { "$BIN" config set-cluster a --server=https://127.0.0.1:1 && "$BIN" config set-credentials u --token=t && "$BIN" config view && "$BIN" config delete-cluster a; }
w_kustomize() {
  manifest; printf 'resources: [pod.yaml]\nnamePrefix: big-\nconfigMapGenerator:\n- name: m\n  literals: [a=b]\n' > kustomization.yaml
  "$BIN" kustomize .
}
w_create() { "$BIN" create deployment d --image=grass --dry-run=client -o yaml; echo $?; }
w_create_secret() { echo x > f; "$BIN" create secret generic s --from-file=f --dry-run=client -o json; echo $?; }
w_no_server() { "$BIN" --server=http://127.0.0.1:1 get pods > /dev/null 2>&1; echo $?; }
w_no_name() { "$BIN" --server=http://nowhere.invalid get pods > /dev/null 2>&1; echo $?; }
w_get() { with_server "$BIN" get pods -o name; }
w_get_wide() { with_server "$BIN" get pods -o jsonpath='{.items[*].metadata.name}'; }
w_template() { with_server "$BIN" get pod cow -o go-template='{{.metadata.name}}{{"\n"}}'; }
w_watch() { with_server timeout 5 "$BIN" get pods -w --request-timeout=2 -o name > out; head -1 out; }
w_describe() { with_server "$BIN" describe pod cow | sed -n '1,3p'; }
w_logs() { with_server "$BIN" logs cow; }
w_api_resources() { with_server "$BIN" api-resources --cached=false | cut -c1-20; }
w_apply() { manifest; with_server "$BIN" apply --validate=false -f pod.yaml > out 2>&1; head -1 out; }
w_create_server() { manifest; with_server "$BIN" create --validate=false -f - -o name < pod.yaml; }
w_run() { with_server "$BIN" run cow --image=grass --restart=Never -o name; }
w_delete() { with_server "$BIN" delete pod cow --wait=false; }
w_proxy() {
  local port; port=$(free_port)
  proxied() { "$BIN" proxy --port="$port" > /dev/null 2>&1 & local pid=$!; until_true port_open "$port"; http_get "$port" /version; kill $pid; wait $pid; return 0; }
  with_server proxied
}
w_proxy_unix() {
  proxied() { "$BIN" proxy --unix-socket="$PWD/s" > /dev/null 2>&1 & local pid=$!; until_true test -S s; kill $pid; wait $pid; return 0; }
  with_server proxied
}
w_diff() { manifest; with_server "$BIN" diff -f pod.yaml > /dev/null 2>&1; }
w_edit() { EDITOR=true with_server "$BIN" edit pod cow > out 2>&1; head -1 out | sed "s/edit-[a-z0-9]*/edit/"; }
w_plugin() { mkdir p; printf '#!/bin/sh\necho plugged "$@"\n' > p/kubectl-hay; chmod +x p/kubectl-hay; PATH=$PWD/p:$PATH "$BIN" hay one; PATH=$PWD/p "$BIN" plugin list; }
w_credentials() {
  printf '#!/bin/sh\necho "{\\"apiVersion\\":\\"client.authentication.k8s.io/v1beta1\\",\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"t\\"}}"\n' > cred; chmod +x cred
  "$BIN" config set-credentials u --exec-api-version=client.authentication.k8s.io/v1beta1 --exec-command="$PWD/cred" > /dev/null
  with_server "$BIN" get pods -o name
}
w_profile() { "$BIN" --profile=cpu --profile-output=prof create deployment d --image=x --dry-run=client -o name; ls; }
w_interrupt() { with_server timeout -s INT 1 "$BIN" get pods -w > /dev/null 2>&1; }
