// Fills in the figures of the page from /status.json, as long as somebody looks at it.
"use strict";

const figures = Object.fromEntries([...document.querySelectorAll("[data-figure]")].map(e => [e.dataset.figure, e]));
const note = document.getElementById("note");
const said = note.innerHTML;
const lead = document.getElementById("lead");
const machine = lead.innerHTML;
const process = "This page comes from a Linux process: <code>BSP=unix</code>, for development. " +
    "The same source makes an image that brings its own operating system: <code>make run</code> boots it.";

function span(ms) {
    const s = Math.floor(ms / 1000), two = n => String(n).padStart(2, "0");
    const clock = `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
    return s < 86400 ? clock : `${Math.floor(s / 86400)} d ${clock}`;
}

function size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; bytes >= 1024 && unit < units.length - 1; unit++)
        bytes /= 1024;
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

async function look() {
    try {
        const now = await (await fetch("/status.json", {signal: AbortSignal.timeout(5000)})).json();
        figures.uptime.textContent = span(now.uptime_ms);
        figures.requests.textContent = now.requests.toLocaleString();
        figures.sent.textContent = size(now.sent_bytes);
        figures.connections.textContent = now.connections;
        const ownMemory = "memory_bytes" in now; // a machine's: a process has some of its host's
        figures.memory.textContent = ownMemory ? size(now.memory_bytes - now.memory_free_bytes) : "the host's";
        if (!ownMemory && lead.innerHTML === machine)
            lead.innerHTML = process;
        figures.device.textContent = now.device;
        note.innerHTML = said;
    } catch {
        note.textContent = "No answer: has the machine stopped?";
    }
}

setInterval(() => document.hidden || look(), 2000);
look();
