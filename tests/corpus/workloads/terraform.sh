# SPDX-License-Identifier: Apache-2.0
TAGS[local_exec]=exec TAGS[external_module]=exec
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1

config() {
  cat > main.tf <<'EOF'
terraform {
  required_version = ">= 1.4"
}
variable "name" {
  type    = string
  default = "cow"
}
module "herd" {
  source = "./herd"
  size   = 3
}
resource "terraform_data" "a" {
  input = "${var.name}-${module.herd.total}"
}
output "said" { value = terraform_data.a.output }
output "stamp" { value = md5(file("main.tf")) != "" }
EOF
  mkdir -p herd && printf 'variable "size" { type = number }\nresource "terraform_data" "x" {\n  count = var.size\n  input = count.index\n}\noutput "total" { value = sum([for x in terraform_data.x : x.output]) }\n' > herd/main.tf
}
quiet() { "$BIN" "$@" -no-color > log 2>&1 || { cat log; return 1; }; }

w_version() { "$BIN" version | sed -n '1,1p'; }
w_help() { "$BIN" -help | cksum; }
w_fmt() { config; "$BIN" fmt -list=true -diff=false; echo 'a   =   1' | "$BIN" fmt -; }
w_init() { config; quiet init; echo $?; ls -A | sort; }
w_validate() { config; quiet init && "$BIN" validate -json; }
w_plan() { config; quiet init && "$BIN" plan -no-color -out=p | grep Plan; "$BIN" show -no-color p | grep -c 'will be created'; }
w_apply() { config; quiet init && quiet apply -auto-approve && "$BIN" output && "$BIN" state list && "$BIN" show -no-color | grep -c id; }
w_destroy() { config; quiet init && quiet apply -auto-approve && quiet destroy -auto-approve; echo $?; ls; }
w_console() { echo 'upper("moo")' | "$BIN" console; echo 'cidrhost("10.0.0.0/8", 5)' | "$BIN" console; }
w_console_terminal() { (sleep 1; printf '1 + 2\n'; sleep 1; printf 'exit\n'; sleep 0.5) | on_terminal "$BIN console"; echo $?; }
w_graph() { config; quiet init && "$BIN" graph | sort; }
w_workspace() { config; quiet init && "$BIN" workspace new w > /dev/null && "$BIN" workspace list; }
w_state() { config; quiet init && quiet apply -auto-approve && "$BIN" state mv terraform_data.a terraform_data.b && "$BIN" state pull | grep -c '"serial"'; }
w_import_taint() { config; quiet init && quiet apply -auto-approve && "$BIN" taint terraform_data.a && "$BIN" untaint terraform_data.a; }
w_test() { config; printf 'run "r" {\n  command = plan\n  assert {\n    condition = var.name == "cow"\n    error_message = "no"\n  }\n}\n' > a.tftest.hcl; quiet init && "$BIN" test -no-color; }
w_error() { echo 'resource "x" {' > bad.tf; "$BIN" validate -no-color > /dev/null 2>&1; echo $?; }
w_local_exec() {
  printf 'resource "terraform_data" "a" {\n  provisioner "local-exec" { command = "echo ran > ran" }\n}\n' > main.tf
  quiet init && quiet apply -auto-approve; cat ran
}
w_no_provider() { printf 'resource "null_resource" "a" {}\n' > main.tf; timeout 60 "$BIN" init -no-color > /dev/null 2>&1; echo $?; }
w_log() { config; TF_LOG=TRACE TF_LOG_PATH=log.txt "$BIN" init -no-color > /dev/null; test -s log.txt; echo $?; }
w_interrupt() { config; quiet init; timeout -s INT 1 "$BIN" console < <(sleep 3) > /dev/null 2>&1; echo $?; }
