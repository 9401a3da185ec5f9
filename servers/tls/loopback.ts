/** Names under which programs of this machine reach its servers. */
export const loopbackNames: readonly string[] = ['localhost', '127.0.0.1'];
