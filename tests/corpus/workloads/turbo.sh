# SPDX-License-Identifier: Apache-2.0
# A workspace of two packages. turbo starts git and npm nearly everywhere: `exec`.
for name in run dry graph prune cached fails scope daemon link bin parallel; do TAGS[$name]=exec; done
export TURBO_TELEMETRY_DISABLED=1 CI=1

# go-turbo of 1.8 is started by a Rust program of the same package, which hands it its arguments as JSON.
is_1_8() { case $(basename "$REAL") in turbo-1.8*) true ;; *) false ;; esac; }
turbo() {
  is_1_8 || { "$BIN" "$@"; return; }
  local command='"Bin": {}' dry=null graph=null parallel=false scope='[]'
  case "$*" in
    *--dry=json*) dry='"Json"' ;;
    *--graph*) graph='""' ;;
    *--parallel*) parallel=true ;;
    *--scope=b*) scope='["b"]' ;;
  esac
  case $1 in
    run) command="\"Run\": {\"cache_dir\": null, \"cache_workers\": 10, \"concurrency\": null, \"continue_execution\": false, \"dry_run\": $dry,
      \"single_package\": false, \"filter\": [], \"force\": false, \"global_deps\": [], \"graph\": $graph, \"ignore\": [], \"include_dependencies\": false,
      \"no_cache\": false, \"no_daemon\": true, \"no_deps\": false, \"output_logs\": null, \"only\": false, \"parallel\": $parallel,
      \"pkg_inference_root\": \"\", \"profile\": null, \"remote_only\": false, \"scope\": $scope, \"since\": null, \"tasks\": [\"$2\"], \"pass_through_args\": []}" ;;
    prune) command='"Prune": {"scope": ["a"], "docker": false, "output_dir": "out"}' ;;
  esac
  "$BIN" "{\"version\": false, \"api\": null, \"color\": false, \"cpu_profile\": null, \"cwd\": \"$PWD\", \"heap\": null, \"login\": null, \"no_color\": false,
    \"preflight\": false, \"team\": null, \"token\": null, \"trace\": null, \"verbosity\": 0, \"check_for_update\": false, \"test_run\": false, \"run_args\": null,
    \"command\": {$command}}"
}
workspace() {
  mkdir -p packages/a packages/b bin && git init -q . && git config user.email a@b && git config user.name n
  # In yarn's place: runs the script of that name as yarn would.
  printf '#!/bin/sh\ncase $1 in --version) echo 1.22.0 ;; run) sh -c "$(sed -n "s/.*\\"$2\\": *\\"\\([^\\"]*\\)\\".*/\\1/p" package.json)" ;; esac\n' > bin/yarn
  chmod +x bin/yarn
  PATH=$PWD/bin:$PATH
  local pipeline='{"build": {"dependsOn": ["^build"], "outputs": ["dist/**"]}, "bad": {}}'
  if is_1_8; then echo "{\"pipeline\": $pipeline}" > turbo.json; pipeline=; else pipeline=", \"turbo\": {\"baseBranch\": \"HEAD\", \"pipeline\": $pipeline}"; fi
  echo "{\"name\": \"root\", \"private\": true, \"packageManager\": \"yarn@1.22.0\", \"workspaces\": [\"packages/*\"]$pipeline}" > package.json
  echo '# yarn lockfile v1' > yarn.lock
  printf '{"name": "a", "version": "1.0.0", "dependencies": {"b": "*"}, "scripts": {\n"build": "mkdir -p dist && echo a > dist/a",\n"bad": "exit 3"}}\n' > packages/a/package.json
  printf '{"name": "b", "version": "1.0.0", "scripts": {\n"build": "mkdir -p dist && echo b > dist/b"}}\n' > packages/b/package.json
  printf 'node_modules\ndist\n.turbo\n' > .gitignore
  git add . && git commit -q -m first
}
built() { echo "status $?"; find packages -type f -path '*dist*' | sort; }

w_version() { "$BIN" --version 2>&1 | sed -n '1,1p'; }
w_help() { "$BIN" --help 2>&1 | sed -n '1,3p'; }
w_nowhere() { turbo run build > log 2>&1; echo $?; }
w_run() { workspace; turbo run build > log 2>&1; built; }
w_cached() { workspace; turbo run build > log 2>&1; rm -rf packages/*/dist; turbo run build > log 2>&1; built; }
w_parallel() { workspace; turbo run build --parallel > log 2>&1; built; }
w_fails() { workspace; turbo run bad > log 2>&1; built; }
w_dry() { workspace; turbo run build --dry=json > log 2>&1; echo $?; }
w_graph() { workspace; turbo run build --graph > log 2>&1; echo $?; }
w_scope() { workspace; turbo run build --scope=b > log 2>&1; built; }
w_prune() { workspace; turbo prune --scope=a > log 2>&1; echo $?; }
w_bin() { workspace; turbo bin > log 2>&1; echo $?; }
