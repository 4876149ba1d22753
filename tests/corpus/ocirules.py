# SPDX-License-Identifier: Apache-2.0
"""OCI seccomp profile -> the statements that enforce-loader reads. Shares nothing with stile."""
import itertools
import sys

ACTIONS = {"SCMP_ACT_ALLOW": "allow", "SCMP_ACT_KILL": "kill", "SCMP_ACT_KILL_PROCESS": "kill",
           "SCMP_ACT_KILL_THREAD": "kill", "SCMP_ACT_LOG": "allow", "SCMP_ACT_TRAP": "trap"}
ARCHES = {"SCMP_ARCH_X86": "x86", "SCMP_ARCH_X32": "x32", "SCMP_ARCH_X86_64": "x86_64"}


def action_of(rule):
    action = rule["action"]
    if action == "SCMP_ACT_ERRNO":
        return f"errno {rule.get('errnoRet', 1)}"
    if action not in ACTIONS:
        sys.exit(f"enforce: an action that cannot be enforced here: {action}")
    return ACTIONS[action]


def conditions(rule):
    """Each gives one rule: conditions on different arguments hold together, on the same argument one of them does (runc)."""
    args = rule.get("args") or []
    indexes = [a["index"] for a in args]
    texts = [f"{a['index']} {a['op']} {a['value']} {a.get('valueTwo', 0)}" for a in args]
    return [[t] for t in texts] if len(set(indexes)) != len(indexes) else [texts]


def rules(profile, also=(), default="kill"):
    """The loader's statements for an OCI profile (parsed JSON)."""
    out = [f"default {default}"]
    for arch in profile.get("architectures") or ["SCMP_ARCH_X86_64"]:
        if arch in ARCHES:
            out.append(f"arch {ARCHES[arch]}")
    for entry in profile.get("archMap") or []:
        out += [f"arch {ARCHES[a]}" for a in entry.get("subArchitectures") or [] if a in ARCHES]
    extra = set(also)
    for rule in profile.get("syscalls") or []:
        names = rule.get("names") or [rule["name"]]
        for name, conds in itertools.product(names, conditions(rule)):
            if name not in extra:
                out.append(" ".join(["rule", action_of(rule), name] + conds))
    out += [f"rule allow {name}" for name in sorted(extra)]
    return "\n".join(out) + "\n"
