/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screen.js - the terminal emulator, term.js, made fit for a guest that is not to be trusted: what the guest prints may
 * neither type into its console, nor hold up the browser, nor fill its memory. */

const LARGEST = 9999; /* number in a control sequence */
const LONGEST = 1000; /* characters of a title or a device control string, and numbers in one sequence */

/* The answers to a request that consist of numbers. The others of term.js repeat what the guest has printed, line ends
 * included: a line in the guest's log would be a command to the shell on its console. */
const ANSWER = /^\x1b\[[?>]?[\d;]*[A-Za-z]$/;

/* term.js does these as often as the sequence says. More often than there are lines or columns changes nothing. */
const REPEATED = ["insertLines", "deleteLines", "insertChars", "deleteChars", "eraseChars", "scrollUp", "scrollDown",
                  "cursorForwardTab", "cursorBackwardTab"];

function limitNumbers(terminal) {
    let current = 0;
    Object.defineProperty(terminal, "currentParam", {
        get: () => current,
        set: value => { current = typeof value === "string" ? value.slice(0, LONGEST) : Math.min(value, LARGEST); },
    });
}

function limitRepeats(terminal) {
    for (const name of REPEATED) {
        const original = terminal[name];
        terminal[name] = params => original.call(terminal, [Math.min(params[0] || 1, Math.max(terminal.cols, terminal.rows))]);
    }
    const repeat = terminal.repeatPrecedingCharacter;
    terminal.repeatPrecedingCharacter = params => {
        const space = terminal.cols - terminal.x;
        if (space > 0)
            repeat.call(terminal, [Math.min(params[0] || 1, space)]);
    };
}

/* A scroll region that ends below the screen would let the cursor go there. */
function limitRegion(terminal) {
    const original = terminal.setScrollRegion;
    terminal.setScrollRegion = ([top, bottom]) => {
        if ((top || 1) < Math.min(bottom || terminal.rows, terminal.rows))
            original.call(terminal, [top, Math.min(bottom || terminal.rows, terminal.rows)]);
    };
}

/* Answers are sent while something is written; what is sent at other times comes from the keyboard. */
function limitAnswers(terminal) {
    const { send, write } = terminal;
    let writing = false;
    terminal.send = data => (!writing || ANSWER.test(data)) && send.call(terminal, data);
    terminal.write = data => {
        writing = true;
        try {
            write.call(terminal, data);
            terminal.params.splice(LONGEST);
        } catch (failure) {
            terminal.reset(); /* it was a sequence of which term.js makes an error */
        } finally {
            writing = false;
        }
    };
}

export function makeScreen(options) {
    const terminal = new window.Terminal({ useStyle: false, screenKeys: false, cursorBlink: false, scrollback: 1000, ...options });
    [limitNumbers, limitRepeats, limitRegion, limitAnswers].forEach(limit => limit(terminal));
    return terminal;
}
