/**
 * Names in a tree, as simply as they can be: what path_resolution(7), rename(2), link(2), unlink(2)
 * and their relatives answer, over plain maps. Independent of src/vfs, which is compared with it.
 */

export interface Node {
  readonly kind: 'file' | 'folder' | 'link';
  readonly target: string;
  readonly entries: Map<string, Node>;
  parent: Node | undefined;
  links: number;
}

/** 'ok', or what was asked for, or the name of an errno. */
export type Answer = string;

export type Step =
  | {
      readonly op: 'mkdir' | 'rmdir' | 'create' | 'unlink' | 'stat' | 'readlink';
      readonly path: string;
    }
  | { readonly op: 'rename' | 'link' | 'symlink'; readonly path: string; readonly to: string };

/** Whoever carries steps out: the model, the Vfs, the machine. */
export interface Executor {
  run(step: Step): Answer;
  /** Every path below the working directory, with its kind. */
  tree(): string[];
}

const MAX_LINKS = 40;

interface Place {
  readonly at: Node;
  /** The last component, for walks to a parent. */
  readonly name: string;
  readonly slash: boolean;
  readonly followed: number;
}

function make(kind: Node['kind'], parent: Node | undefined, target = ''): Node {
  return { kind, target, entries: new Map(), parent, links: 1 };
}

export class TreeModel implements Executor {
  readonly #cwd: Node;

  /** `depth` folders lie above the working directory. */
  constructor(depth: number) {
    let at = make('folder', undefined);
    for (let i = 0; i < depth; i++) {
      const below = make('folder', at);
      at.entries.set(String(i), below);
      at = below;
    }
    this.#cwd = at;
  }

  run(step: Step): Answer {
    switch (step.op) {
      case 'mkdir':
        return this.#add(step.path, (parent) => make('folder', parent), true);
      case 'symlink':
        return this.#add(step.to, (parent) => make('link', parent, step.path), false);
      case 'create':
        return this.#create(step.path);
      case 'unlink':
        return this.#unlink(step.path);
      case 'rmdir':
        return this.#rmdir(step.path);
      case 'link':
        return this.#link(step.path, step.to);
      case 'rename':
        return this.#rename(step.path, step.to);
      case 'stat': {
        const node = this.#walk(this.#cwd, step.path, true, 0);
        if (typeof node === 'string') return node;
        return node.kind === 'file' ? `file ${node.links}` : node.kind;
      }
      default: {
        const node = this.#walk(this.#cwd, step.path, false, 0);
        if (typeof node === 'string') return node;
        return node.kind === 'link' ? node.target : 'EINVAL';
      }
    }
  }

  tree(): string[] {
    const all: string[] = [];
    const list = (node: Node, path: string): void => {
      for (const [name, child] of node.entries) {
        all.push(`${path}${name} ${child.kind}`);
        list(child, `${path}${name}/`);
      }
    };
    list(this.#cwd, '');
    return all.sort();
  }

  #walk(from: Node, path: string, follow: boolean, followed: number): Node | string {
    let slash = path.endsWith('/');
    let links = followed;
    let todo = path.split('/').filter((part) => part !== '');
    let at = from;
    for (;;) {
      const name = todo.shift();
      if (name === undefined) break;
      if (at.kind !== 'folder') return 'ENOTDIR';
      if (name === '.') continue;
      if (name === '..') {
        at = at.parent ?? at;
        continue;
      }
      const child = at.entries.get(name);
      if (child === undefined) return 'ENOENT';
      const isLast = todo.length === 0;
      if (child.kind !== 'link' || (isLast && !follow && !slash)) {
        at = child;
        continue;
      }
      if (++links > MAX_LINKS) return 'ELOOP';
      if (isLast && child.target.endsWith('/')) slash = true;
      todo = [...child.target.split('/').filter((part) => part !== ''), ...todo];
    }
    return slash && at.kind !== 'folder' ? 'ENOTDIR' : at;
  }

  /** To the folder of the last component. */
  #parent(from: Node, path: string, followed = 0): Place | string {
    const parts = path.split('/').filter((part) => part !== '');
    const name = parts.pop() ?? '';
    const above = parts.length === 0 ? from : this.#walk(from, parts.join('/'), true, followed);
    if (typeof above === 'string') return above;
    if (above.kind !== 'folder') return 'ENOTDIR';
    return { at: above, name, slash: path.endsWith('/'), followed };
  }

  #add(path: string, node: (parent: Node) => Node, mayEndInSlash: boolean): Answer {
    const place = this.#parent(this.#cwd, path);
    if (typeof place === 'string') return place;
    if (isDots(place.name) || place.at.entries.has(place.name)) return 'EEXIST';
    if (place.slash && !mayEndInSlash) return 'ENOENT';
    place.at.entries.set(place.name, node(place.at));
    return 'ok';
  }

  /** open(2) with O_CREAT: goes through a link in last position. */
  #create(path: string): Answer {
    let place = this.#parent(this.#cwd, path);
    for (let followed = 1; ; followed++) {
      if (typeof place === 'string') return place;
      if (isDots(place.name) || place.slash) return 'EISDIR';
      const child = place.at.entries.get(place.name);
      if (child === undefined) {
        place.at.entries.set(place.name, make('file', place.at));
        return 'ok';
      }
      if (child.kind === 'folder') return 'EISDIR';
      if (child.kind === 'file') return 'ok';
      if (followed > MAX_LINKS) return 'ELOOP';
      place = this.#parent(place.at, child.target, followed);
    }
  }

  #unlink(path: string): Answer {
    const place = this.#parent(this.#cwd, path);
    if (typeof place === 'string') return place;
    if (isDots(place.name)) return 'EISDIR';
    const child = place.at.entries.get(place.name);
    if (child === undefined) return 'ENOENT';
    if (child.kind === 'folder') return 'EISDIR';
    if (place.slash) return 'ENOTDIR';
    place.at.entries.delete(place.name);
    child.links--;
    return 'ok';
  }

  #rmdir(path: string): Answer {
    const place = this.#parent(this.#cwd, path);
    if (typeof place === 'string') return place;
    if (place.name === '..') return 'ENOTEMPTY';
    if (place.name === '.') return 'EINVAL';
    const child = place.at.entries.get(place.name);
    if (child === undefined) return 'ENOENT';
    if (child.kind !== 'folder') return 'ENOTDIR';
    if (child.entries.size > 0) return 'ENOTEMPTY';
    place.at.entries.delete(place.name);
    return 'ok';
  }

  #link(path: string, to: string): Answer {
    const node = this.#walk(this.#cwd, path, false, 0);
    if (typeof node === 'string') return node;
    const made = this.#add(to, () => node, false);
    if (made !== 'ok' || node.kind !== 'folder') {
      if (made === 'ok') node.links++;
      return made;
    }
    const place = this.#parent(this.#cwd, to) as Place;
    place.at.entries.delete(place.name);
    return 'EPERM';
  }

  #rename(path: string, to: string): Answer {
    const from = this.#parent(this.#cwd, path);
    if (typeof from === 'string') return from;
    const into = this.#parent(this.#cwd, to);
    if (typeof into === 'string') return into;
    if (isDots(from.name) || isDots(into.name)) return 'EBUSY';
    const source = from.at.entries.get(from.name);
    if (source === undefined) return 'ENOENT';
    const target = into.at.entries.get(into.name);
    if (source.kind !== 'folder' && (from.slash || into.slash)) return 'ENOTDIR';
    if (isAbove(source, into.at)) return 'EINVAL';
    if (target !== undefined && isAbove(target, from.at)) return 'ENOTEMPTY';
    if (target === source) return 'ok';
    if (target !== undefined) {
      if (source.kind === 'folder' && target.kind !== 'folder') return 'ENOTDIR';
      if (source.kind !== 'folder' && target.kind === 'folder') return 'EISDIR';
      if (target.entries.size > 0) return 'ENOTEMPTY';
      target.links--;
    }
    from.at.entries.delete(from.name);
    into.at.entries.set(into.name, source);
    if (source.kind === 'folder') source.parent = into.at;
    return 'ok';
  }
}

const isDots = (name: string): boolean => name === '.' || name === '..';

function isAbove(node: Node, below: Node): boolean {
  for (let at: Node | undefined = below; at !== undefined; at = at.parent)
    if (at === node) return true;
  return false;
}
