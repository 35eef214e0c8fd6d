/** A list of rows with columns, of which only those in sight are drawn. It can be walked with the keyboard. */
import {useVirtualizer} from '@tanstack/react-virtual';
import {type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef} from 'react';

const OVERSCAN = 6;

export interface IRow {
  readonly key: string | number;
  readonly cells: readonly ReactNode[];
  readonly className?: string | undefined;
  readonly title?: string | undefined;
}

interface IProps {
  readonly label: string;
  /** The height of a row, in pixels. */
  readonly height: number;
  /** Their names, and a class for each. */
  readonly columns: readonly {readonly name: string; readonly className: string}[];
  readonly count: number;
  readonly row: (index: number) => IRow;
  /** The index of the selected row; -1 if none is. */
  readonly selected: number;
  readonly onSelect: (index: number) => void;
  /** How many rows have gone at the front since it was drawn last. */
  readonly removed?: number;
  /** Whether new rows at the end are scrolled into sight, if the end was. */
  readonly follows?: boolean;
  readonly empty: string;
}

export function Grid(props: IProps): JSX.Element {
  const {
    label,
    height,
    columns,
    count,
    row,
    selected,
    onSelect,
    removed = 0,
    follows = false
  } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const id = useId();
  const rows = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: OVERSCAN
  });
  useLayoutEffect(() => {
    const node = scroller.current!;
    if (follows && isAtEnd.current) {
      node.scrollTop = node.scrollHeight;
    } else if (removed > 0) {
      node.scrollTop -= removed * height;
    }
    // Not when only the list scrolls.
  }, [props]);
  useEffect(() => {
    if (selected >= 0) {
      rows.scrollToIndex(selected);
    }
    // Not with each message that moves the index.
  }, [selected >= 0 && row(selected).key]);
  const items = rows.getVirtualItems();
  const isDrawn = items.some(({index}) => index === selected);
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / height) - 2);
    const to: {[key: string]: number} = {
      ArrowDown: selected + 1,
      ArrowUp: selected < 0 ? count - 1 : selected - 1,
      PageDown: selected + page,
      PageUp: selected - page,
      Home: 0,
      End: count - 1
    };
    const index = to[event.key];
    if (index !== undefined && count > 0) {
      event.preventDefault();
      onSelect(Math.min(Math.max(index, 0), count - 1));
    } else if (event.key === 'Escape' && selected >= 0) {
      event.preventDefault();
      onSelect(-1);
    }
  };
  const onScroll = () => {
    const {scrollTop, scrollHeight, clientHeight} = scroller.current!;
    isAtEnd.current = scrollTop + clientHeight >= scrollHeight - height;
  };
  return (
    <div
      className="lite-comms-Grid"
      role="grid"
      aria-label={label}
      aria-rowcount={count + 1}
      aria-activedescendant={isDrawn ? `${id}-${row(selected).key}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div className="lite-comms-Grid-row lite-comms-Grid-head" role="row" aria-rowindex={1}>
        {columns.map(({name, className}) => (
          <span key={className} className={className} role="columnheader">
            {name}
          </span>
        ))}
      </div>
      <div className="lite-comms-Grid-rows" ref={scroller} onScroll={onScroll} role="presentation">
        <div style={{height: rows.getTotalSize(), position: 'relative'}} role="presentation">
          {items.map(({index, start}) => {
            const {key, cells, className = '', title} = row(index);
            return (
              <div
                // By place, not by row: in a flood the elements stay, and only their texts change.
                key={index}
                id={`${id}-${key}`}
                className={`lite-comms-Grid-row ${className}`}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={index === selected}
                title={title}
                style={{height, transform: `translateY(${start}px)`}}
                onClick={() => onSelect(index === selected ? -1 : index)}
              >
                {cells.map((cell, i) => (
                  <span key={i} className={columns[i]!.className} role="gridcell">
                    {cell}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
        {count === 0 && <p className="lite-comms-Inspector-empty">{props.empty}</p>}
      </div>
    </div>
  );
}
