// A target from a module: its named export, and the default one for every other name.

export function clock(comm, msg) {
  comm.send({named: msg.content.data});
}

export default function (comm, msg) {
  comm.on_msg(({content}) => comm.send({heard: content.data}));
  comm.send({default: msg.content.data});
}
