; HyperLogLog: home sketch.own_seen by delta of replace elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |this.sketch.deletes.present| (Int) Bool)
(declare-fun |this.sketch.deletes.number| (Int) Int)
(declare-fun |this.sketch.deletes.replica| (Int) Int)
(declare-fun |mine.seen| (Int Int) Bool)
(define-fun t!1 () Bool (or (not (|this.sketch.deletes.present| |p|)) (|mine.seen| (|this.sketch.deletes.replica| |p|) (|this.sketch.deletes.number| |p|))))
(assert t!1)
(assert (not t!1))
(check-sat)
