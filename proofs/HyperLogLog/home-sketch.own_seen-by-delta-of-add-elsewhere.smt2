; HyperLogLog: home sketch.own_seen by delta of add elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |some| () Bool)
(declare-fun |this.sketch.deletes.present| (Int) Bool)
(declare-fun |this.sketch.deletes.number| (Int) Int)
(declare-fun |this.sketch.deletes.replica| (Int) Int)
(declare-fun |mine.seen| (Int Int) Bool)
(define-fun t!1 () Bool (|this.sketch.deletes.present| |p|))
(define-fun t!2 () Bool (|mine.seen| (|this.sketch.deletes.replica| |p|) (|this.sketch.deletes.number| |p|)))
(assert (or (not t!1) t!2))
(assert (not (or (not (ite (not |some|) t!1 (and |some| t!1))) t!2)))
(check-sat)
