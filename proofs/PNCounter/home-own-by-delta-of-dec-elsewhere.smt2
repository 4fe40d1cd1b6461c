; PNCounter: home own by delta of dec elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |r| () Int)
(declare-fun |this.down| (Int) Int)
(declare-fun |n| () Int)
(declare-fun |mine.up| (Int) Int)
(declare-fun |mine.down| (Int) Int)
(assert (not (= |p| |r|)))
(assert (<= 0 (|mine.up| |p|)))
(assert (<= 0 (|mine.down| |p|)))
(assert (not (and (not (< (|mine.up| |p|) 0)) (not (< (|mine.down| |p|) (ite (= |p| |r|) (+ (|this.down| |r|) |n|) 0))))))
(check-sat)
