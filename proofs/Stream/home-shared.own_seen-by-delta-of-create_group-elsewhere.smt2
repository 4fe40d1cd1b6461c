; Stream: home shared.own_seen by delta of create_group elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |this.shared.deletes.present| (Int) Bool)
(declare-fun |this.shared.deletes.number| (Int) Int)
(declare-fun |this.shared.deletes.replica| (Int) Int)
(declare-fun |mine.seen| (Int Int) Bool)
(define-fun t!1 () Bool (or (not (|this.shared.deletes.present| |p|)) (|mine.seen| (|this.shared.deletes.replica| |p|) (|this.shared.deletes.number| |p|))))
(assert t!1)
(assert (not t!1))
(check-sat)
