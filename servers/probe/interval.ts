/** Three looks within half a minute, the least that most alerts wait, and little enough for servers that share a machine. */
export const intervalSeconds = 10;
