# SPDX-License-Identifier: Apache-2.0
"""The row of tests/live/embed that builds an image with examples/embed/Dockerfile, line by line as it stands, and starts it."""
import os
import re
import shutil
import subprocess

import engines

# Prints hello, and for each of its threads the mode of its filter: 2 = filtered.
MAIN = """package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

func main() {
	fmt.Println("hello")
	var busy sync.WaitGroup
	for i := 0; i < 8; i++ {
		busy.Add(1)
		go func() {
			os.ReadDir("/proc/self/task")
			busy.Done()
		}()
	}
	busy.Wait()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		panic(err)
	}
	for _, task := range tasks {
		status, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/status")
		for _, line := range strings.Split(string(status), "\\n") {
			if strings.HasPrefix(line, "Seccomp:") {
				fmt.Println(strings.Fields(line)[1])
			}
		}
	}
}
"""


def rows(want, Skip, stile, root, toolchains):
    dockerfile = os.path.join(root, "examples/embed/Dockerfile")

    def base(engine, lab):
        """An image by the name that the Dockerfile begins with: the root of a system whose /usr is this machine's, mounted while building."""
        tree = lab.path("base")
        for name in ("etc", "proc", "dev", "tmp", "root", "usr"):
            os.makedirs(os.path.join(tree, name), exist_ok=True)
        os.chmod(os.path.join(tree, "tmp"), 0o1777)
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + name, os.path.join(tree, name))
        with open(os.path.join(tree, "etc/passwd"), "w", encoding="utf-8") as f:
            f.write("root:x:0:0:root:/root:/bin/sh\n")
        tar = lab.path("base.tar")
        want(engines.run(["tar", "-C", tree, "-cf", tar, "."]).returncode == 0, "tar fails")
        with open(dockerfile, encoding="utf-8") as f:
            name = re.search(r"^FROM (\S+) AS build$", f.read(), re.M).group(1)
        got = engines.run([*engine.command(), "import", tar, "docker.io/library/" + name])
        want(got.returncode == 0, f"import: {engines.last(got)}")

    def tools(lab):
        """What the lines about apt-get install: they run, and find it there. A log tells what they asked for."""
        place = lab.path("image-tools")
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, "apt-get"), "w", encoding="utf-8") as f:
            f.write('#!/bin/sh\necho "apt-get $*" >> /usr/local/bin/asked\n')
        os.chmod(os.path.join(place, "apt-get"), 0o755)
        shutil.copy2(stile, os.path.join(place, "stile"))
        os.symlink(toolchains[-1], os.path.join(place, "go"))
        return place

    def context(lab, name, change):
        place = lab.path("image-" + name)
        os.makedirs(place)
        with open(dockerfile, encoding="utf-8") as f:
            text = f.read()
        for file, content in {"Dockerfile": change(text), "main.go": MAIN, "go.mod": "module example.com/app\n\ngo 1.19\n", "stile.deb": ""}.items():
            with open(os.path.join(place, file), "w", encoding="utf-8") as f:
                f.write(content)
        return place

    def build(engine, lab, place, tool_place, name):
        cache = lab.path("gocache")
        os.makedirs(cache, exist_ok=True)
        got = subprocess.run([*engine.command(), "build", "--isolation=chroot", "--pull=never", "--layers=false", "-v", "/usr:/usr:ro",
                              "-v", tool_place + ":/usr/local/bin:rw", "-v", "/etc/alternatives:/etc/alternatives:ro",
                              "-v", cache + ":/root/.cache/go-build:rw", "-t", name, place],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=1500, check=False)
        want(got.returncode == 0, f"build: {got.stdout[-300:]!r} {got.stderr[-500:]!r}")

    def start(engine, name):
        got = engines.run([*engine.command(), "run", "--rm", *engine.limits(), "--network=none", "--security-opt", "seccomp=unconfined", name])
        lines = got.stdout.split()
        want(got.returncode == 0 and lines[:1] == ["hello"] and len(lines) > 1, f"{engine.name}: exit {got.returncode}: {got.stdout[-200:]!r} {got.stderr[-300:]!r}")
        return lines[1:]

    def image(lab):
        if not toolchains:
            raise Skip("no Go toolchain")
        if os.geteuid() != 0:
            raise Skip("needs root")
        podman, docker = [next(e for e in engines.engines([]) if e.name == name) for name in ("podman-runc", "docker")]
        told = []
        try:
            with podman:
                base(podman, lab)
                place = tools(lab)
                build(podman, lab, context(lab, "image", lambda text: text), place, "confined")
                with open(os.path.join(place, "asked"), encoding="utf-8") as f:
                    asked = f.read().splitlines()
                want(any("golang-go" in line for line in asked) and any("stile.deb" in line for line in asked), f"asked for: {asked}")
                build(podman, lab, context(lab, "plain", lambda text: re.sub(r" && stile embed .*", "", text)), place, "plain")
                modes, without = start(podman, "confined"), start(podman, "plain")
                want(set(without) == {"0"}, f"without a filter: {without}")
                want(set(modes) == {"2"}, f"podman: modes of its threads: {modes}")
                told.append(f"{podman.version()}: {len(modes)} threads")
                archive = lab.path("confined.tar")
                got = engines.run([*podman.command(), "save", "--format=docker-archive", "-o", archive, "confined"])
                want(got.returncode == 0, f"save: {engines.last(got)}")
        except engines.Unusable as e:
            raise Skip(str(e)) from e
        try:
            with docker:
                got = engines.run([*docker.command(), "load", "-i", archive])
                want(got.returncode == 0, f"docker load: {engines.last(got)}")
                modes = start(docker, "localhost/confined:latest")
                want(set(modes) == {"2"}, f"docker: modes of its threads: {modes}")
                told.append(f"{docker.version()}: {len(modes)} threads")
        except engines.Unusable as e:
            told.append(f"no docker: {e}")
        return "built as documented, started by " + "; ".join(told)

    return [("build.image", image)]
